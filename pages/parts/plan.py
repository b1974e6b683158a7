"""The lab's first face: what is compared, before anything runs."""

from __future__ import annotations

import streamlit as st

from pages.parts import armlist, designer, notices, transfer, tuning
from pages.parts.heading import heading
from pages.parts.launch import launch_bar, refused
from pages.parts.rates import rate_chart
from pages.parts.session import draft
from pages.parts.sidebar import sidebar
from pages.parts.tricklist import trick_list


def plan() -> None:
    """Setup in the sidebar, tricks at the left, arms and rates at the right, Launch below."""
    transfer.arrive()
    with st.sidebar:
        sidebar()
    refused()
    heading()
    found = notices.find(draft())
    with st.container(horizontal=True, key="plan", gap=None):
        with st.container(key="plan_tricks"):
            trick_list([one.notice for one in found])
        with st.container(key="plan_arms"):
            designer.head()
            notices.show(found, "error", "warning")
            armlist.arm_list()
            notices.show(found, "hint")
            if not notices.stuck(found):
                tuning.hint()
            rate_chart(notices.broken(found))
    launch_bar(found)
    transfer.dialogs()
    transfer.keep()
