"""What went wrong while watching: what happened, what it means, what to press."""

from __future__ import annotations

import time
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import home, refusals, words, workshop
from trainer.datasets import DATASETS
from trainer.experiment import pack
from trainer.home import log_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlit.delta_generator import DeltaGenerator

    from pages.parts.reader import Look, Reader
    from trainer.experiment import Experiment
    from trainer.store import RunRow

MOST = 3  # messages of one kind; more would push the curves out of sight
TAIL = 12_000  # characters of a log


def troubles(reader: Reader, look: Look) -> None:
    """All messages, the gravest first."""
    if look.active and look.worker[0] == "none":
        no_worker(look)
    if kept := home.kept(look.row.id):
        goes = words.count(kept, "run goes", "runs go")
        st.info(
            f"**Stopped, but {goes} on.** Somebody else's experiment needs the same, and what it "
            "finds is yours as well.",
            icon=":material/group:",
        )
    tried = [one.run for one in look.trials] if look.row.tuning else []
    failed = grouped([run for run in [*look.runs, *tried] if run.state == "failed"])
    for i, runs in enumerate(failed[:MOST]):
        failure(reader, look, runs, i)
    diverged = grouped([run for run in look.runs if run.state == "diverged"])
    for i, runs in enumerate(diverged[:MOST]):
        divergence(runs, i)
    for kind, groups in (("failed", failed), ("diverged", diverged)):
        if left := sum(len(runs) for runs in groups[MOST:]):
            st.caption(f"{words.count(left, 'more run')} {kind}; the dots of the arms tell why.")


def no_worker(look: Look) -> None:
    worker = look.worker[1]
    seen = "None has been seen yet."
    if worker is not None:
        seen = f"The last one was seen {words.seconds(round(time.time() - worker.heartbeat))} ago."
    left = sum(run.state in ("waiting", "running") for run in look.every)
    wait = words.count(left, "run waits", "runs wait")
    with row("no_worker"):
        st.error(
            f"**No worker is running.** {seen} Nothing is lost: finished curves stay, {wait}.",
            icon=":material/error:",
            width="stretch",
        )
        st.button(
            "Start the worker",
            type="primary",
            icon=":material/play_arrow:",
            key="start_worker",
            on_click=start_worker,
        )
        if not workshop.is_guest():  # it tells of everybody's runs
            log("What the log says", "worker", "log_worker")


def row(key: str) -> DeltaGenerator:
    """A message with its ways out at its right; under it where there is no room."""
    return st.container(horizontal=True, vertical_alignment="center", key=key)


@refusals.wished
def start_worker() -> None:
    """Try at once, and give it the time that a first start takes."""
    place = home.store().home
    known = home.wakes(str(place))
    known.last, known.missing_since = float("-inf"), None
    home.wake()


def grouped(runs: Sequence[RunRow]) -> list[list[RunRow]]:
    """Runs of one arm that ended for the same reason are told of together, as are all that lack
    their data."""
    found: dict[tuple[object, ...], list[RunRow]] = defaultdict(list)
    for run in runs:
        arm = None if run.error_kind == "data" else run.arm
        reason = run.error_text if run.state == "failed" else None
        found[arm, reason].append(run)
    return list(found.values())


def who(runs: Sequence[RunRow]) -> str:
    """``dropout, seed 3``; ``dropout, seeds 3 and 5``."""
    seeds = [run.seed for run in runs]
    return (
        f"{words.plain(runs[0].arm_name)}, {'seed' if len(seeds) == 1 else 'seeds'} "
        f"{words.seeds(seeds)}"
    )


def failure(reader: Reader, look: Look, runs: list[RunRow], i: int) -> None:
    text = words.plain((runs[0].error_text or "the log says why").rstrip("."))
    missing = runs[0].error_kind == "data"
    body = f"**{who(runs)} failed:** {text}."
    if missing:
        first, dot, rest = text.partition(". ")
        need = words.count(len(runs), "run needs", "runs need")
        body = f"**{first}.** {rest + dot if rest else ''}{need} it; all else is as it was."
    elif look.active:
        body += " The other runs go on."
    again = "Try again" if missing else "Run it again" if len(runs) == 1 else "Run them again"
    with row(f"failure_{i}"):
        st.error(body, icon=":material/error:", width="stretch")
        if missing:
            st.button(
                "Use digits",
                key=f"digits_{i}",
                on_click=partial(use_digits, look.row.experiment),
                help="Opens the plan with handwritten digits, which need no download.",
            )
        st.button(
            again,
            icon=":material/replay:",
            key=f"again_{i}",
            on_click=partial(run_again, reader, [run.id for run in runs]),
        )
        log("Log", runs[0].id, f"log_failure_{i}")


def divergence(runs: list[RunRow], i: int) -> None:
    reasons = {run.error_text for run in runs}
    text = runs[0].error_text or "the loss is not a number"
    if len(reasons) > 1:
        text = "the loss is not a number any more, each at its own step"
    ends = "Its curve ends there" if len(runs) == 1 else "Their curves end there"
    with row(f"divergence_{i}"):
        st.warning(
            f"**{who(runs)} diverged:** {words.plain(text.rstrip('.'))}. {ends}.",
            icon=":material/trending_down:",
            width="stretch",
        )
        log("Log", runs[0].id, f"log_divergence_{i}")


def log(label: str, name: str, key: str) -> None:
    """The end of a log, read when it is opened."""
    with st.popover(label, type="tertiary", key=key, on_change="rerun") as opened:
        if opened.open:
            st.code(tail(name) or "The log is empty.", language=None, wrap_lines=True)


def tail(name: str) -> str:
    """The last lines of a run's log, or of the worker's."""
    path = log_file(home.store().home, name)
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        return file.read().decode("utf-8", "replace").strip()


@refusals.wished
def run_again(reader: Reader, ids: Sequence[str]) -> None:
    for id in ids:
        home.store().run_again(id)
    home.wake()
    reader.look(now=True)


def use_digits(experiment: Experiment) -> None:
    """The same plan on the data that every machine has."""
    data = experiment.dump()
    digits = DATASETS["digits"]
    setup = {key: value for key, value in data["setup"].items() if key != "difficulty"}
    size = min(int(setup["train_size"]), digits.train_size)
    data["setup"] = {**setup, "dataset": "digits", "train_size": size}
    st.query_params.from_dict({"plan": pack(data)})
