"""What a launch would cost, and how the launch bar says it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pages.parts import words
from trainer.statistics import minimum_seeds

if TYPE_CHECKING:
    from trainer.experiment import Experiment
    from trainer.store import Store

LONG = 600.0  # seconds above which Launch asks once
START = 0.4  # seconds of a run before its first step: its process and its data, measured
JUDGED = 1.08  # a run's time, evaluations included, over its training time
SETTLED = {"done", "diverged"}
UNDER_WAY = {"waiting", "running", "paused"}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of an experiment: its runs, those that are new, those under way, and the time."""

    runs: int
    new: int
    under_way: int
    seconds: float | None  # of all new runs, one after the other; None: not known yet

    @property
    def done(self) -> int:
        return self.runs - self.new - self.under_way


def cost_of(store: Store, experiment: Experiment) -> Cost:
    """What the store knows already, and what the rest takes."""
    known = store.known(experiment)
    owners = {run.id: run.arm.name for run in experiment.runs()}
    new = [id for id in owners if known.get(id) not in SETTLED | UNDER_WAY]
    return Cost(
        runs=len(owners),
        new=len(new),
        under_way=sum(known.get(id) in UNDER_WAY for id in owners),
        seconds=seconds_of(store, experiment, Counter(owners[id] for id in new)),
    )


def seconds_of(store: Store, experiment: Experiment, new: Counter[str]) -> float | None:
    """Time of so many new runs in each arm; None if nothing like it was measured."""
    setup = experiment.setup
    if setup.seconds is not None:
        return (START + setup.seconds * JUDGED) * new.total()
    usual = store.step_seconds(setup) if new else 0.0
    if usual is None:
        return None
    total = 0.0
    for arm in experiment.arms:
        if new[arm.name]:
            step = store.step_seconds(setup, arm) if arm.tricks else usual
            training = (setup.total_steps or 0) * (step or usual)
            total += new[arm.name] * (START + training * JUDGED)
    return total


def bar_text(experiment: Experiment, cost: Cost, worker: str, slots: int) -> str:
    """The launch bar for arms that can run. ``worker`` is as :func:`pages.parts.home.worker`."""
    if not cost.new:
        return all_known(cost)
    if worker == "none":
        return f"**{words.count(cost.new, 'run')}** will wait until a worker is running."
    time = f", {duration(cost, slots)}" if cost.seconds is not None else ""
    where = f" on {words.count(slots, 'worker')}" if slots and time else ""
    unknown = "" if time else " Time not known yet: measuring…"
    if cost.new < cost.runs:
        known = cost.runs - cost.new
        state = "done already" if not cost.under_way else "done or under way already"
        are = "is" if known == 1 else "are"
        new = words.count(cost.new, "new run")
        return f"**{new}**, {known} {are} {state}{time}{where}.{unknown}"
    if len(experiment.arms) == 1:
        runs = words.count(cost.runs, "run")
        return f"**{runs}** of the baseline alone{time}. Tick a trick to compare it.{unknown}"
    arms, seeds = len(experiment.arms), len(experiment.seeds)
    shared = "" if arms * seeds == cost.runs else ", equal arms share theirs"
    product = f"{arms} arms × {words.count(seeds, 'seed')}"
    runs = f"**{words.count(cost.runs, 'run')}** = {product}{shared}"
    if is_long(cost, slots):
        return f"{duration(cost, slots).capitalize()}{where}: {runs}. {claim(experiment)}"
    return f"{runs}{time}{where}. {claim(experiment)}{unknown}"


def all_known(cost: Cost) -> str:
    if cost.under_way:
        return (
            f"All {cost.runs:,} runs are launched already, {cost.under_way:,} of them still to "
            "come. **Launch** opens them."
        )
    if cost.runs == 1:
        return "The one run is done already. **Launch** opens it."
    return f"All {cost.runs:,} runs are done already. **Launch** opens them."


def duration(cost: Cost, slots: int) -> str:
    """``about **40 s**``, on so many workers at once."""
    return f"about **{words.about(wall(cost, slots)).removeprefix('about ')}**"


def wall(cost: Cost, slots: int) -> float:
    """Seconds until the last run ends: no more workers are busy than there are runs."""
    return (cost.seconds or 0.0) / max(1, min(slots, cost.new))


def is_long(cost: Cost, slots: int) -> bool:
    return cost.seconds is not None and wall(cost, slots) > LONG


def claim(experiment: Experiment) -> str:
    """Whether so many seeds can claim anything, for so many comparisons."""
    k = len(experiment.arms) - 1
    need, seeds = minimum_seeds(k), len(experiment.seeds)
    single = all(len(arm.tricks) == 1 for arm in experiment.arms[1:])
    what = f"{k} {'tricks' if single else 'comparisons'}"
    if seeds >= need:
        return "Enough seeds to claim a difference" + (f" for {what}." if k > 1 else ".")
    needs = f"{what} need" if k > 1 else "one comparison needs"
    return f"You will see curves but no verdict: {needs} {need} seeds."
