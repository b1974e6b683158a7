"""What every Streamlit page costs: an app with a title. ``pages.py`` measures it beside ours."""

import streamlit as st

st.title("Bare")
