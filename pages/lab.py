"""The lab: plans a comparison (``/``), and watches one (``/?experiment=ID``)."""

import time

import streamlit as st

STALE = 5.0  # seconds in which the browser may still send the address from before Launch

# A clock of the planning page that ticks while Launch is pressed brings the old address with it.
opened, since = st.session_state.get("opened", ("", float("-inf")))
if opened and "experiment" not in st.query_params and time.monotonic() - since < STALE:
    st.query_params.from_dict({"experiment": opened})

if "experiment" in st.query_params:
    from pages.parts.watch import watch

    st.session_state["planning"] = False
    watch(st.query_params["experiment"])
else:
    from pages.parts.plan import plan

    plan()
