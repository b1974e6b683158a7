"""Every run on the comparing page in one table, to sort, to filter and to take away."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import arrow, board, words
from pages.parts.compare_address import control
from trainer import differences
from trainer.groupnames import key_words, trick_words
from trainer.names import cell, id_cell, in_table
from trainer.provenance import TITLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.parts.compare_scene import Scene
    from trainer.comparing import Entry

METRICS = {"Test accuracy, %": ("test_accuracy", 100.0, 2), "Test loss": ("test_loss", 1.0, 4)}


def runs_table(scene: Scene) -> None:
    """Heading, filter by state, table and download."""
    counts = scene.states
    states = [one for one in scene.wish.state if one in counts]
    with st.container(horizontal=True, vertical_alignment="center", key="compare-runs-head"):
        st.header("Runs", anchor=False)
        st.pills(
            "State",
            list(counts),
            selection_mode="multi",
            format_func=lambda state: f"{state.capitalize()} {counts[state]}",
            label_visibility="collapsed",
            help="Only these runs count, in the groups, their charts and this table.",
            **control("state", states),
        )
        shown = lines(scene)
        st.download_button(
            "CSV",
            as_csv(scene, shown),
            file_name="runs.csv",
            mime="text/csv",
            icon=":material/download:",
            key="compare_csv",
            on_click="ignore",
            help=f"{words.count(len(shown), 'run')} with all settings and knobs.",
        )
    columns = table(scene, shown)
    st.dataframe(
        arrow.of_columns(columns),
        key="compare_runs",
        lazy=False,
        hide_index=True,
        height="content" if len(shown) <= 12 else 460,
        placeholder="",
        column_config={
            "State": board.state_column(columns["State"]),
            "Test accuracy, %": st.column_config.NumberColumn(format="%.1f"),
            "Test loss": st.column_config.NumberColumn(format="%.3f"),
            "Seconds": st.column_config.NumberColumn(format="%.1f"),
        },
        alt="The runs with group, seed, state, results and what differs between them",
    )
    shared = sum(len(one.homes) > 1 for one in scene.entries)
    if shared:
        st.caption(
            f"{words.count(shared, 'run')} that several experiments share "
            f"{'counts' if shared == 1 else 'count'} once."
        )


def lines(scene: Scene) -> list[tuple[str, Entry]]:
    """Every run with the name of its group, in the order of the groups."""
    return [(one.label, entry) for one in scene.groups for entry in one.entries]


def table(scene: Scene, shown: Sequence[tuple[str, Entry]]) -> dict[str, list[Any]]:
    """The columns: what every run has, then the settings and knobs in which runs differ."""
    runs = [entry.run for _, entry in shown]
    found: dict[str, list[Any]] = {
        "Group": [in_table(label) for label, _ in shown],
        "Experiment": [in_table(", ".join(row.name for row in entry.homes)) for _, entry in shown],
        "Arm": [in_table(entry.recipe.name) for _, entry in shown],
        "Seed": [run.seed for run in runs],
        "State": [[run.state] for run in runs],
    }
    for name, (metric, unit, digits) in METRICS.items():
        found[name] = [board.rounded(run.metrics.get(metric), unit, digits) for run in runs]
    found["Seconds"] = [board.rounded(run.seconds, 1, 2) for run in runs]
    found["Steps"] = [run.step for run in runs]
    for key, values in varying(scene.entries).items():
        found[values[0]] = [entry.recipe.value(key) for _, entry in shown]
    return found


def varying(entries: Sequence[Entry]) -> dict[str, tuple[str]]:
    """Settings in which runs differ, and all knobs, each with the title of its column."""
    recipes = list({id(one.recipe): one.recipe for one in entries}.values())
    settings = dict.fromkeys(key for one in recipes for key in one.settings)
    found = {
        key: (differences.title(key),)
        for key in settings
        if len({str(one.settings.get(key)) for one in recipes}) > 1
    }
    for one in recipes:
        for trick, knobs in one.tricks.items():
            if not knobs:
                found[trick] = (trick_words(trick),)
            found |= {f"{trick}.{knob}": (key_words(f"{trick}.{knob}"),) for knob in knobs}
    return found


def as_csv(scene: Scene, shown: Sequence[tuple[str, Entry]]) -> str:
    """All there is to know of the runs, a line for each."""
    entries = [entry for _, entry in shown]
    settings = dict.fromkeys(key for one in entries for key in one.recipe.settings)
    knobs = [key for key in varying(entries) if key not in settings]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["group", "experiments", "arm", "seed", "state", "test_accuracy", "test_loss",
         "seconds_of_training", "steps_done", "run", *(f"setup.{key}" for key in settings), *knobs,
         *(f"made_with.{key}" for key in TITLES)]
    )  # fmt: skip
    for label, entry in shown:
        run, recipe = entry.run, entry.recipe
        homes = id_cell(" ".join(row.id for row in entry.homes))
        made = scene.made.get(run.id) or {}
        writer.writerow(
            [cell(label), homes, cell(recipe.name), run.seed, run.state,
             run.metrics.get("test_accuracy"), run.metrics.get("test_loss"), run.seconds, run.step,
             id_cell(run.id), *(recipe.settings.get(key) for key in settings),
             *(recipe.value(key) for key in knobs), *(made.get(key) for key in TITLES)]
        )  # fmt: skip
    return out.getvalue()
