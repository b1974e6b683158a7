"""How far an experiment is, and how long the rest takes."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import words
from pages.parts.results import run_seconds

if TYPE_CHECKING:
    from pages.parts.reader import Look
    from trainer.store import RunRow

ENDED = ("done", "diverged", "failed")
STARTING = "Starting the worker, about 3 s the first time."


def progress(look: Look) -> None:
    """One line in words, and the bar over everything: trials, and the runs that follow them."""
    ended = sum(run.state in ENDED for run in look.every)
    parts = sum(part(look, run) for run in look.every if run.state in ("running", "paused"))
    with st.container(key="progress", gap="small"):
        st.markdown(progress_words(look))
        st.progress(min(1.0, (ended + parts) / max(1, len(look.every) + to_come(look))))


def to_come(look: Look) -> int:
    """Runs that are queued when the trials are over."""
    experiment = look.row.experiment
    return len(experiment.arms) * len(experiment.seeds) if look.row.tuning else 0


def progress_words(look: Look) -> str:
    """``17 of 32 runs done, 2 running, 13 waiting. About 18 s left.``

    While rates are tuned it begins with the trials, whose sentence has told how many are done.
    """
    shown = [one.run for one in look.trials] if look.row.tuning else look.runs
    states = Counter(run.state for run in shown)
    text = f"**{states['done']:,} of {words.count(len(shown), 'run')} done**"
    wishes = Counter(run.desired for run in shown if run.state == "running")
    stopping = wishes["stop"] + wishes["pause"]
    counts = {
        "stopping": wishes["stop"],
        "pausing": wishes["pause"],
        "running": states["running"] - stopping,
    }
    for state in ("waiting", "paused", "stopped", "diverged", "failed"):
        counts[state] = states[state]
    rest = [f"{count:,} {state}" for state, count in counts.items() if count]
    text = ", ".join([text, *rest]) + "."
    if look.row.tuning:
        now = f"Trials: {', '.join(rest)}. " if rest else ""
        text = f"{now}Then **{words.count(to_come(look), 'compared run')}**."
    if note := message(look):
        return f"{text} {words.plain(note)}"
    left = time_left(look)
    if not look.active or left is None or stopping or look.worker[0] == "none":
        return text
    return f"{text} About **{words.about(left).removeprefix('about ')}** left."


def message(look: Look) -> str | None:
    """What happens before the first step: a download, the start of the worker."""
    if not look.active or look.worker[0] == "none":
        return None
    running = [run for run in look.every if run.state == "running"]
    says = [run.message for run in running if run.message]
    if says and not any(run.step for run in running):
        return says[0].rstrip(".") + "."
    if look.worker[0] == "starting" and not running:
        return STARTING
    return None


def empty(look: Look) -> str | None:
    """What stands over the axes before the first point."""
    if look.curves or not look.active:
        return None
    if look.row.tuning:
        return "The curves begin when every arm has its learning rate."
    return message(look) or "The first points come in a moment."


def time_left(look: Look) -> float | None:
    """Seconds until all runs have ended, from what runs have taken so far; None if not known."""
    per_run = run_seconds(look) or going_rate(look)
    if per_run is None:
        return None
    running = [run for run in look.every if run.state == "running"]
    left = [1 - part(look, run) for run in running]
    worker = look.worker[1]
    slots = max(1, worker.slots if worker else 1)
    waiting = sum(run.state == "waiting" for run in look.every) + to_come(look)
    turns = (sum(left) + waiting) / slots
    # One of several that train together has its share of the time, and ends with the others.
    own = [rest * run.together for rest, run in zip(left, running, strict=True)]
    return per_run * max([turns, *own, float(waiting > 0)])


def going_rate(look: Look) -> float | None:
    """Seconds that a whole run takes, from the ones under way."""
    times = [
        (time.time() - run.started_at) / run.together / done
        for run in look.every
        if run.state == "running" and run.started_at and (done := part(look, run)) > 0.2
    ]
    return sum(times) / len(times) if times else None


def part(look: Look, run: RunRow) -> float:
    """How much of its budget a run has used, 0 to 1."""
    budget = look.row.experiment.setup.seconds
    if budget is not None:
        return min(1.0, (run.seconds or 0.0) / budget)
    return min(1.0, run.step / run.steps) if run.steps else 0.0
