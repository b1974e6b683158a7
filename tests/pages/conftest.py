"""What the tests of several pages share."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from trainer import supervisor


@pytest.fixture
def app(home, monkeypatch):
    """The whole app, on a fresh home and without a worker."""
    st.cache_resource.clear()
    st.cache_data.clear()
    monkeypatch.setattr(supervisor, "ensure_worker", lambda home: None)
    return AppTest.from_file("../../pages/frame.py", default_timeout=30).run()
