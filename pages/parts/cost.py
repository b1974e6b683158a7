"""What a launch would cost, and how the launch bar says it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pages.parts import words
from trainer.estimates import all_seconds, times
from trainer.statistics import minimum_seeds
from trainer.tuning import planned, untuned

if TYPE_CHECKING:
    from trainer.experiment import Experiment
    from trainer.store import ExperimentRow, Store

LONG = 600.0  # seconds above which Launch asks once
SETTLED = {"done", "diverged"}
UNDER_WAY = {"waiting", "running", "paused"}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of an experiment: its runs, those that are new, those under way, and the time."""

    runs: int
    new: int
    under_way: int
    seconds: float | None  # of all new runs, one process after the other; None: not known yet
    tuning: int = 0  # of the runs: those that try rates and are not compared
    processes: int | None = None  # that train the new runs; None: each has its own

    @property
    def done(self) -> int:
        return self.runs - self.new - self.under_way


def cost_of(store: Store, experiment: Experiment, slots: int = 1) -> Cost:
    """What the store knows already, and what the rest takes on so many slots.

    Which runs a tuned experiment compares is not known before its rates are: they count as new,
    unless the same was launched before.
    """
    asked = untuned(experiment)
    known = store.known(asked)
    tried = {one.run.id: (one.run.arm.name, one.scale) for one in planned(asked)}
    owners = {run.id: (run.arm.name, 0.0) for run in asked.runs()}
    if tried:
        before = launched(store, asked) if tried.keys() <= known.keys() else None
        known = {id: state for id, state in known.items() if id in tried}
        if before is not None and before.tuned is None:
            known |= dict.fromkeys(owners, "waiting")  # queued by itself when the rates are found
        elif before is not None:
            owners = {run.id: (run.arm.name, 0.0) for run in before.experiment.runs()}
            known |= store.known(before.experiment)
    whose = owners | tried
    new = [id for id in whose if known.get(id) not in SETTLED | UNDER_WAY]
    time = seconds_of(store, asked, Counter(whose[id] for id in new), slots)
    return Cost(
        runs=len(whose),
        new=len(new),
        under_way=sum(known.get(id) in UNDER_WAY for id in whose),
        seconds=time and time[0],
        tuning=len(tried),
        processes=time and time[1],
    )


def launched(store: Store, experiment: Experiment) -> ExperimentRow | None:
    """The newest launch of exactly this experiment."""
    asked = untuned(experiment)
    return next((row for row in store.experiments() if untuned(row.experiment) == asked), None)


def seconds_of(
    store: Store, experiment: Experiment, new: Counter[tuple[str, float]], slots: int
) -> tuple[float, int] | None:
    """Time of so many new runs of each arm (and scale of its rate), and of how many processes.

    None: nothing like it was measured.
    """
    if not new:
        return 0.0, 0
    arms = {arm.name: arm for arm in experiment.arms}
    wanted = [(arms[name], count) for (name, _), count in new.items()]
    return all_seconds(times(store, experiment.setup), experiment.setup, wanted, slots)


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
    shared = "" if arms * seeds == cost.runs - cost.tuning else ", equal arms share theirs"
    product = f"{arms} arms × {words.count(seeds, 'seed')}"
    if cost.tuning:
        product += f" + {cost.tuning:,} to tune the rates"
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
    """Seconds until the last run ends, if all processes take as long: so many rounds."""
    if not cost.new or cost.seconds is None:
        return 0.0
    count = cost.processes or cost.new
    return cost.seconds / count * math.ceil(count / max(1, slots))


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
