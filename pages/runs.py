"""Every experiment and its runs: how far they are, what came out, what went wrong."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import arrow, board, refusals, run_actions, words
from pages.parts.absent import absent
from pages.parts.home import store, wake, worker
from pages.parts.pace import pace
from trainer.home import log_file

if TYPE_CHECKING:
    from trainer.store import RunRow

TABLE = "experiments"
LOG_TAIL = 64_000  # characters of a log that are shown


def choose() -> None:
    """The selected rows go into the address."""
    rows = st.session_state[TABLE]["selection"]["rows"]
    shown = st.session_state["runs_shown"]
    ids = [shown[row] for row in rows if row < len(shown)]
    if ids:
        st.query_params["experiment"] = ",".join(ids)
    else:
        st.query_params.pop("experiment", None)


def chosen() -> list[str]:
    """The experiments that the address names."""
    ids = st.query_params.get("experiment", "").split(",")
    return list(dict.fromkeys(one for one in ids if one))


def experiments_table(shown: list[board.Line]) -> None:
    """The table; rows of experiments in the address are selected, wherever they stand now."""
    ids = [one.row.id for one in shown]
    st.session_state["runs_shown"] = ids
    rows = sorted(ids.index(one) for one in chosen() if one in ids)
    known = st.session_state.get(TABLE, {}).get("selection", {}).get("rows", [])
    if sorted(known) != rows:
        st.session_state[TABLE] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    columns = board.experiment_columns(shown)
    st.dataframe(
        arrow.of_columns(columns),
        key=TABLE,
        lazy=False,
        on_select=choose,
        selection_mode="multi-row",
        hide_index=True,
        row_height=40,
        height="content" if len(shown) <= 12 else 522,
        placeholder="",
        column_config={
            "Experiment": st.column_config.TextColumn(width=260),
            "State": board.state_column(columns["State"]),
            "Progress": st.column_config.ProgressColumn(
                min_value=0, max_value=100, format="%.0f %%", width=130
            ),
            "Verdict": st.column_config.TextColumn(width=190),
            "Time": st.column_config.TextColumn(
                help="Training time of all its runs together; while it runs, what is left of it."
            ),
        },
        alt="Experiments with their state, progress, verdict and setup",
    )


def experiment_part(one: board.Line) -> None:
    """The selected experiment: what one can do with it, and its runs."""
    row = one.row
    with st.container(horizontal=True, vertical_alignment="center", key="run-head"):
        st.header(words.plain(row.name), anchor=False)
        with st.container(horizontal=True, width="content"):
            run_actions.buttons(row)
    runs = board.every_run(store(), row)
    key = f"runs-of-{row.id}"
    table = st.dataframe(
        arrow.of_columns(board.run_columns(row.experiment, runs)),
        key=key,
        lazy=False,
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        height="content" if len(runs) <= 10 else 390,
        placeholder="",
        column_config={
            "State": board.state_column([[run.state] for run in runs]),
            "What happened": st.column_config.TextColumn(width="large"),
            "Test accuracy, %": st.column_config.NumberColumn(format="%.1f"),
            "Test loss": st.column_config.NumberColumn(format="%.3f"),
            "Seconds": st.column_config.NumberColumn(format="%.1f"),
            board.MEMORY: st.column_config.NumberColumn(
                help="What its process had for itself at most, beside what all processes share. "
                "Runs that were trained together share it."
            ),
            board.GPU_MEMORY: st.column_config.NumberColumn(
                help="What its process had on the GPU at most."
            ),
        },
        alt="The runs of the experiment with their state, steps and result",
    )
    rows = table.selection.rows
    if rows and rows[0] < len(runs):
        run_part(runs[rows[0]])
    else:
        st.caption("Select a run to read its log.")


def several_part(known: list[board.Line]) -> None:
    """Several selected experiments: put them side by side."""
    with st.container(horizontal=True, vertical_alignment="center", key="run-head"):
        st.header(f"{len(known)} experiments", anchor=False)
        if st.button("Compare", type="primary", icon=":material/compare_arrows:", key="compare"):
            ids = ",".join(one.row.id for one in known)
            st.switch_page("compare.py", query_params={"experiments": ids})
    names = words.listed([f"**{words.plain(one.row.name)}**" for one in known])
    st.markdown(names)
    st.caption("Select one alone to see its runs.")


def run_part(run: RunRow) -> None:
    """The selected run: what went wrong with it, and its log."""
    name = f"{run.arm_name}, seed {run.seed}"
    happened = board.happened(run)
    with st.container(horizontal=True, vertical_alignment="center", key="log-head"):
        text = f"**{words.plain(name)}** {run.state}"
        st.markdown(f"{text}: {words.plain(happened)}" if happened else text)
        if run.state in ("failed", "stopped", "paused"):
            label = "Go on" if run.saved_step else "Run it again"
            icon = ":material/play_arrow:" if run.saved_step else ":material/replay:"
            st.button(label, icon=icon, on_click=again, args=(run.id,), key="again")
    file = log_file(store().home, run.id)
    log = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    if log.strip():
        height = "content" if log.count("\n") < 12 else 260
        st.code(log[-LOG_TAIL:], language=None, height=height, wrap_lines=True)
    else:
        st.caption("Its log is empty: a run writes one when something goes wrong or is slow.")


@refusals.wished
def again(run_id: str) -> None:
    store().run_again(run_id)
    wake()


def filters(found: list[board.Line]) -> list[board.Line]:
    """Title, search and filter; what they leave of the experiments."""
    with st.container(horizontal=True, vertical_alignment="center", key="runs-head"):
        st.title("Runs", anchor=False)
        query = st.text_input(
            "Search", type="search", live=True, key="runs_search", persist_state="session",
            label_visibility="collapsed", placeholder="Find by name, data, trick",
            icon=":material/search:", width=260,
        )  # fmt: skip
        found = [one for one in found if board.matches(one, query or "")]
        counts = {kind: sum(kind in one.kinds() for one in found) for kind in board.KINDS}
        kinds = [kind for kind, count in counts.items() if count]
        if st.session_state.get("runs_kind") not in kinds:
            st.session_state["runs_kind"] = None
        kind = st.pills(
            "State", kinds, format_func=lambda kind: f"{kind.capitalize()} {counts[kind]}",
            key="runs_kind", label_visibility="collapsed",
        )  # fmt: skip
    return [one for one in found if kind is None or kind in one.kinds()]


def sheet(found: list[board.Line]) -> list[board.Line]:
    """As many experiments as one table shows; what turns to the others stands beside the title."""
    sheets = -(-len(found) // board.SHEET)
    now = st.session_state["runs_sheet"] = min(
        st.session_state.get("runs_sheet", 0), max(0, sheets - 1)
    )
    first = now * board.SHEET
    if sheets > 1:
        with st.container(horizontal=True, vertical_alignment="center", key="runs-sheets"):
            last = min(first + board.SHEET, len(found))
            st.caption(f"{first + 1:,} to {last:,} of {len(found):,} experiments", width="content")
            st.button("Newer", icon=":material/chevron_left:", type="tertiary", key="newer",
                      disabled=now == 0, on_click=turn, args=(now - 1,))  # fmt: skip
            st.button("Older", icon=":material/chevron_right:", type="tertiary", key="older",
                      disabled=now == sheets - 1, on_click=turn, args=(now + 1,))  # fmt: skip
    return found[first : first + board.SHEET]


def turn(to: int) -> None:
    st.session_state["runs_sheet"] = to


def clear() -> None:
    st.session_state["runs_search"] = ""
    st.session_state["runs_kind"] = None


def unknown(ids: list[str]) -> None:
    with st.container(border=True, key="unknown-experiment"):
        st.markdown(absent(ids))
        st.button("All runs", on_click=partial(st.query_params.pop, "experiment", None))


@refusals.drawn
def page(refreshing: bool) -> None:
    """The whole page; a fragment, so that it follows its runs without the bar being redrawn."""
    every = board.lines(store())
    active = any(one.active for one in every)
    if active != refreshing and not st.session_state.get("runs_asked"):
        st.rerun()  # the other rhythm
    if not every:
        run_actions.nothing_yet()
    else:
        found = filters(every)
        shown = sheet(found)
        if shown:
            _, row = worker()
            experiments_table(board.told(store(), shown, row.slots if row else 1))
        else:
            st.markdown("No experiment matches this search.")
            st.button("Clear the search", on_click=clear)
    wanted = chosen()
    known = [one for one in every if one.row.id in wanted]
    if missing := [id for id in wanted if id not in [one.row.id for one in known]]:
        unknown(missing)
    if len(known) > 1:
        several_part(known)
    elif known:
        experiment_part(known[0])


st.html(Path(__file__).parent / "parts" / "catalog.css")
now_active = any(
    states.get(state) for states in store().counts().values() for state in board.ACTIVE
)
# A dialog would close when the page behind it is drawn again.
rhythm = None if run_actions.asked() else 4 * pace() if now_active else 10
st.fragment(page, run_every=rhythm)(now_active)
run_actions.dialogs()
