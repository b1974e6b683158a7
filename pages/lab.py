"""The lab: plans a comparison (``/``), and watches one (``/?experiment=ID``)."""

import streamlit as st

if "experiment" in st.query_params:
    from pages.parts.watch import watch

    st.session_state["planning"] = False
    watch(st.query_params["experiment"])
else:
    from pages.parts.plan import plan

    plan()
