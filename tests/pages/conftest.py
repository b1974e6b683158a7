"""What the tests of several pages share."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.pages.bench import Bench
from trainer import workers


@pytest.fixture
def bench(home) -> Bench:
    """The store of a fresh home, with runs that are trained by hand."""
    return Bench(home)


@pytest.fixture
def app(home, monkeypatch):
    """The whole app, on a fresh home and without a worker."""
    st.cache_resource.clear()
    st.cache_data.clear()
    monkeypatch.setattr(workers, "ensure_worker", lambda home: None)
    return AppTest.from_file("../../pages/frame.py", default_timeout=30).run()


@pytest.fixture
def lab(home, monkeypatch):
    """Opens the lab at an address; no worker is started, and none is missed."""
    st.cache_resource.clear()
    monkeypatch.setattr("pages.parts.home.PATIENCE", float("inf"))
    monkeypatch.setattr(workers, "ensure_worker", lambda home: None)

    def open_at(**params: str) -> AppTest:
        page = AppTest.from_file("../../pages/frame.py", default_timeout=60)
        for name, value in params.items():
            page.query_params[name] = value
        page.run()
        assert not page.exception, page.exception[0].message
        return page

    yield open_at
    st.cache_resource.clear()
