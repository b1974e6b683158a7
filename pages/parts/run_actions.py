"""What one can do with an experiment on the runs page, and what stands there before the first."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import streamlit as st

from pages.parts import refusals, words, workshop
from pages.parts.evidence import setup_words
from pages.parts.home import store
from trainer.experiment import pack
from trainer.names import tidied

if TYPE_CHECKING:
    from trainer.store import ExperimentRow

ASKED = "runs_asked"  # which dialog is open, and for which experiment


def buttons(row: ExperimentRow) -> None:
    """Open, Launch again, More."""
    if st.button("Open", type="primary", icon=":material/show_chart:", key="open"):
        st.switch_page("lab.py", query_params={"experiment": row.id})
    if st.button("Launch again", icon=":material/replay:", key="launch-again", help=AGAIN):
        st.switch_page("lab.py", query_params={"plan": pack(row.experiment.dump())})
    more = ["Rename", "Copy link", *([] if workshop.is_guest() else ["Delete"])]
    picked = st.menu_button("More", more, type="tertiary", key="more")
    if picked:
        st.session_state[ASKED] = (picked, row.id)
        st.rerun()


AGAIN = "Opens the lab with this plan filled in. Runs that are done already are not trained twice."


def asked() -> bool:
    return ASKED in st.session_state


def close() -> None:
    st.session_state.pop(ASKED, None)


def dialogs() -> None:
    """The dialog that was asked for, if any."""
    if not asked():
        return
    what, experiment_id = st.session_state[ASKED]
    if what == "Load":
        load()
        return
    row = store().experiment(experiment_id)
    if row is None or (what == "Delete" and workshop.is_guest()):
        close()
        return
    {"Rename": rename, "Copy link": link, "Delete": delete}[what](row)


@st.dialog("Rename", on_dismiss=close)
@refusals.drawn
def rename(row: ExperimentRow) -> None:
    name = st.text_input("Name", row.name, max_chars=80, key=f"rename-{row.id}")
    name = tidied(name or "")
    if st.button("Save", type="primary", disabled=not name):
        store().rename(row.id, name)
        close()
        st.rerun()


@st.dialog("Link", on_dismiss=close)
def link(row: ExperimentRow) -> None:
    url = urlsplit(st.context.url or "")
    base = f"{url.scheme}://{url.netloc}/" if url.netloc else "/"
    st.markdown("The results, as long as this server runs:")
    st.code(f"{base}?experiment={row.id}", language=None, wrap_lines=True)
    st.markdown("The plan, for any Trickboard; put its address before the question mark:")
    plan = pack(row.experiment.dump())
    st.code(f"{base}?plan={plan}", language=None, wrap_lines=True, height=160)


@st.dialog("Delete", on_dismiss=close)
@refusals.drawn
def delete(row: ExperimentRow) -> None:
    own = store().run_ids(row.id)
    others = {
        run for one in store().experiments() if one.id != row.id for run in store().run_ids(one.id)
    }
    gone, stay = len(own - others), len(own & others)
    st.markdown(f"**{words.plain(row.name)}**")
    if gone:
        runs = f"{words.count(gone, 'run')} and {'its' if gone == 1 else 'their'} curves"
        st.markdown(f"Delete {runs}? This cannot be undone.")
    else:
        st.markdown("Delete this experiment? This cannot be undone.")
    if stay:
        st.caption(f"{words.count(stay, 'run')} that other experiments use will stay.")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="really-delete"):
            store().delete(row.id)
            st.query_params.pop("experiment", None)
            close()
            st.rerun()
        if st.button("Keep", key="keep"):
            close()
            st.rerun()


def nothing_yet() -> None:
    """Before the first launch."""
    from pages.parts.draft import arms_of, setup_of
    from pages.parts.examples import example

    first = example()
    arms = [arm["name"] for arm in arms_of(first)]
    st.title("Runs", anchor=False)
    with st.container(border=True, key="nothing-yet"):
        st.markdown(
            "Nothing has been launched here yet. **Your first comparison takes about a minute.**"
        )
        st.markdown(
            f"The lab opens with an example filled in: *{words.plain(first['name'])}* It trains "
            f"{words.listed(arms)} on {setup_words(setup_of(first))}, each with "
            f"{len(first['seeds'])} seeds. Press Launch and it appears here while it trains."
        )
        with st.container(horizontal=True):
            if st.button("Open the lab", type="primary", icon=":material/science:"):
                st.switch_page("lab.py")
            if st.button("Load an experiment (JSON)", icon=":material/upload_file:"):
                st.session_state[ASKED] = ("Load", "")
                st.rerun()


@st.dialog("Load an experiment (JSON)", width="medium", on_dismiss=close)
def load() -> None:
    """A file or pasted text; the lab opens with it. What is wrong is listed here."""
    from pages.parts.draft import plan_of
    from pages.parts.transfer import form

    found = form("runs")
    if found is not None:
        close()
        st.switch_page("lab.py", query_params={"plan": pack(plan_of(found))})
