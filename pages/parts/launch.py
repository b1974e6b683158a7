"""The launch bar, at the bottom of the page: what it costs, More, and Launch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import refusals, transfer, words
from pages.parts.cost import Cost, bar_text, cost_of, duration, is_long, launched, wall
from pages.parts.draft import data_of, experiment_of
from pages.parts.home import store, wake, worker
from pages.parts.notices import in_words, stuck
from pages.parts.session import draft
from trainer.devices import cores
from trainer.experiment import ExperimentError, parse
from trainer.refusals import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.parts.notices import Found
    from trainer.experiment import Experiment

MORE = {
    "link": ":material/link: Copy link",
    "load": ":material/upload_file: Load an experiment (JSON)",
    "empty": ":material/restart_alt: Start empty",
}


def launch_bar(found: Sequence[Found]) -> None:
    """Always in sight. Launch is refused only while something is in the way."""
    experiment = None if stuck(found) else experiment_of(draft())
    with st.bottom, st.container(horizontal=True, key="launchbar", vertical_alignment="center"):
        if experiment is None:
            long = False
            say(f"**Nothing to launch yet:** {in_words(found)}.")
        else:
            long = cost_line(experiment)
        more = st.menu_button(
            "More", list(MORE), format_func=MORE.__getitem__, type="tertiary", key="more",
            on_click=chosen,
        )  # fmt: skip
        pressed = st.button(
            "Launch",
            type="primary",
            icon=":material/play_arrow:",
            shortcut="mod+enter",
            key="launch",
            disabled=experiment is None,
            on_click=None if long else launch,
        )
    if pressed and long and experiment is not None:
        confirm(experiment)
    elif more == "link":
        transfer.open_link()


def chosen() -> None:
    match st.session_state["more"]:
        case "empty":
            transfer.start_empty()
        case "load":
            transfer.ask_load()


def say(text: str) -> None:
    with st.container(key="cost"):
        st.markdown(text)


def cost_line(experiment: Experiment) -> bool:
    """What it costs; looks again every second while that is not known. Whether it takes long."""
    cost, state, slots = price(experiment)
    if pending(cost, state):
        st.fragment(follow, run_every=1)(experiment)
    else:
        say(bar_text(experiment, cost, state, slots))
    return is_long(cost, slots)


def price(experiment: Experiment) -> tuple[Cost, str, int]:
    """The cost, and what the worker is at, with its number of slots."""
    state, row = worker()
    slots = row.slots if row else cores()
    return cost_of(store(), experiment, slots), state, slots


def pending(cost: Cost, state: str) -> bool:
    """Whether the text will change without anybody doing anything."""
    return bool(cost.new) and (cost.seconds is None or state in ("starting", "none"))


@refusals.drawn
def follow(experiment: Experiment) -> None:
    """The text while the time is being measured or a worker is starting."""
    cost, state, slots = price(experiment)
    if not pending(cost, state):
        st.rerun()  # known now: draw once more, without the clock
    if cost.seconds is None:
        ask_trial(experiment)
    say(bar_text(experiment, cost, state, slots))


def ask_trial(experiment: Experiment) -> None:
    """Have the worker time a few steps; once for each network, data set, batch size and device."""
    setup = experiment.setup
    asked = st.session_state.setdefault("asked_trials", set())
    key = (setup.dataset, setup.network, setup.batch_size, setup.device)
    if key not in asked:
        asked.add(key)
        store().ask_trial(setup)


def launch() -> None:
    """Store the experiment and turn the page to watching it."""
    try:
        experiment = parse(data_of(draft()))
        before = launched(store(), experiment)
        cost, _, slots = price(experiment)
        if before is not None and not cost.new:
            id = before.id
        else:
            id = store().launch(experiment, estimate=foretold(cost, slots))
    except ExperimentError as error:
        st.session_state["refused"] = [str(one) for one in error.problems]
    except REFUSALS as error:
        st.session_state["refused"] = [refusals.told(error)]
    else:
        wake()
        st.session_state["opened"] = (id, time.monotonic())
        st.query_params.from_dict({"experiment": id})


def foretold(cost: Cost, slots: int) -> float | None:
    """Seconds until all is done; None if nothing is known, or nothing is to be done."""
    return wall(cost, slots) if cost.new and cost.seconds is not None else None


def refused() -> None:
    """Why the last press of Launch did nothing."""
    problems = st.session_state.pop("refused", None)
    if problems:
        st.error(
            transfer.listing(problems) + "\n\nNothing was launched, and the plan is as it was.",
            title="This cannot be launched",
            icon=":material/block:",
        )


@st.dialog("Launch a long comparison?")
def confirm(experiment: Experiment) -> None:
    """Asked once, above ten minutes."""
    cost, _, slots = price(experiment)
    st.markdown(
        f"**{words.count(cost.new, 'run')}** take {duration(cost, slots)} on "
        f"{words.count(slots, 'worker')}. They go on when this page is closed, and can be stopped "
        "at any time."
    )
    with st.container(horizontal=True):
        if st.button("Launch", type="primary", key="launch_long"):
            launch()
            st.rerun()
        if st.button("Not yet", key="launch_not"):
            st.rerun()
