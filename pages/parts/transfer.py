"""A plan on its way: out as a link, in from an address or as JSON."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import streamlit as st

from pages.parts import words
from pages.parts.decoding import decode
from pages.parts.draft import Draft, plan_of
from pages.parts.examples import EMPTY, example
from pages.parts.session import acted, draft
from trainer.experiment import ExperimentError, pack, parse, read_json, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 12  # problems that are listed; more are counted
LATE = 2.0  # seconds in which the browser hears of a new address
RECENT = 50  # addresses that are known to be this session's own


def address(draft: Draft) -> str | None:
    """The plan for the address; None for the example that the address without one shows."""
    plan = plan_of(draft)
    return None if plan == plan_of(example()) else pack(plan)


def arrive() -> None:
    """Bring the draft in line with the address, or stop and say what is wrong with it.

    The address decides when it changed: a link was opened, or the browser went back. But right
    after a change by hand the browser may not have heard of the new address yet, above all when
    one change follows the other; then the draft decides, and :func:`keep` writes it once more.
    """
    state = st.session_state
    given, shown = st.query_params.get("plan"), state.get("plan_shown")
    by_hand = state.pop("acted", False)
    if "draft" in state:
        if given == shown:
            state["plan_heard"] = True
            return
        here = state.get("planning")  # false on return from another page
        since = time.monotonic() - state.get("plan_at", 0)
        late = here and not state.get("plan_heard") and since < LATE
        ours = given in state.get("plans", [])
        if (ours and (by_hand or late)) or (given is None and not here):
            return
    if given is None:
        state["draft"] = example()
    else:
        try:
            state["draft"] = decode(unpack(given))
        except ExperimentError as error:
            malformed(error, given)
            st.stop()
    remember(given)


def remember(plan: str | None) -> None:
    """What the address is to say, and since when."""
    state = st.session_state
    if "plan_shown" not in state or state["plan_shown"] != plan:
        state["plan_shown"], state["plan_heard"] = plan, False
        state["plan_at"] = time.monotonic()
        state["plans"] = [*state.get("plans", []), plan][-RECENT:]


def keep() -> None:
    """Write the draft into the address, so that copying it copies the plan."""
    plan = address(draft())
    remember(plan)
    st.session_state["planning"] = True
    if plan is None:
        st.query_params.pop("plan", None)
    elif st.query_params.get("plan") != plan:
        st.query_params["plan"] = plan


def listing(problems: Sequence[object]) -> str:
    """Problems as a list, or as a sentence when there is one."""
    texts = [words.plain(str(one)) for one in problems]
    if len(texts) == 1:
        return texts[0]
    rest = [f"- and {len(texts) - MOST:,} more"] if len(texts) > MOST else []
    return "\n".join([f"- {text}" for text in texts[:MOST]] + rest)


def malformed(error: ExperimentError, given: str) -> None:
    """The address holds no plan that can be drawn."""
    st.error(
        listing(error.problems) + "\n\nNothing was changed.",
        title="This link does not hold a comparison that can be run",
        icon=":material/link_off:",
        width=720,
    )
    try:
        text = json.dumps(unpack(given), indent=2, ensure_ascii=False)
    except ExperimentError:
        text = None
    with st.container(horizontal=True):
        if text is not None:
            st.button("Edit", key="edit_plan", on_click=ask_load, args=(text,))
        st.button("Start from the example", key="start_example", on_click=start_over)
        if "draft" in st.session_state:
            st.button("Back to my plan", key="back_to_plan", on_click=st.query_params.clear)
    dialogs()


def start_over() -> None:
    """The example instead of what the address said."""
    replace(example())


def start_empty() -> None:
    st.session_state["draft"] = example(EMPTY)
    acted()


def replace(draft: Draft) -> None:
    """Another draft, whatever the address says."""
    st.session_state["draft"] = draft
    st.query_params.clear()
    acted()


def open_link() -> None:
    """The plan as an address of its own."""
    here = urlsplit(st.context.url or "http://localhost:8501/")
    copy_link(f"{here.scheme}://{here.netloc}/?plan={pack(plan_of(draft()))}")


@st.dialog("Copy link")
def copy_link(url: str) -> None:
    st.markdown("This link holds the whole plan. It opens in any Trickboard, on any machine.")
    st.code(url, language=None, wrap_lines=True, height=160)
    st.caption("The button in the corner copies it.")


def ask_load(text: str = "") -> None:
    """Have the dialog open from the coming run on, with this text and no file in it."""
    count = st.session_state["load_count"] = st.session_state.get("load_count", 0) + 1
    st.session_state[f"load_{count}_text"] = text
    st.session_state["load_open"] = True


def dialogs() -> None:
    """What stands open stays open: the page may run anew at any time, a clock sees to that."""
    if st.session_state.get("load_open"):
        load()


def close() -> None:
    st.session_state["load_open"] = False


@st.dialog("Load an experiment (JSON)", width="medium", on_dismiss=close)
def load() -> None:
    """A file or pasted text becomes the plan; what is wrong is listed here."""
    found = form(f"load_{st.session_state['load_count']}")
    if found is not None:
        close()
        replace(found)
        st.rerun()


def form(name: str) -> Draft | None:
    """The draft in a file or a text, once there is one. What is wrong is listed, and changes
    nothing."""
    file = st.file_uploader("A file", type="json", key=f"{name}_file")
    pasted = st.text_area("Or its text", key=f"{name}_text", height=220)
    text: str | bytes = file.getvalue() if file else pasted
    pressed = st.button("Load", type="primary", key=f"{name}_now")
    # What was tried is tried anew in each later run, so that what was wrong with it stays told.
    if pressed:
        st.session_state[f"{name}_tried"] = text
    if st.session_state.get(f"{name}_tried") != text:
        return None
    if file and pasted.strip():
        st.error("Remove the file, or empty the text.", title="Which of the two?")
        return None
    try:
        found = read(text)
    except ExperimentError as error:
        st.error(
            listing(error.problems) + "\n\nNothing was changed.", title="This cannot be loaded"
        )
        return None
    del st.session_state[f"{name}_tried"]
    return found


def read(text: str | bytes) -> Draft:
    """The draft in a file: an experiment, a plan, or what ``python -m trainer run --json`` prints.

    Raises:
        ExperimentError: with every problem.
    """
    data: Any = read_json(text)
    if isinstance(data, dict) and isinstance(data.get("experiment"), dict):
        data = data["experiment"]
    if isinstance(data, dict) and "design" not in data:
        known = {key: value for key, value in data.items() if key != "id"}
        parse(known)  # a whole experiment: what is left out of one is an error
    return decode(data)
