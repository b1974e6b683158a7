"""How long runs will take on this machine, from runs of the same kind that are over.

A run's time has three parts: its steps; evaluations, which share the time of the steps; and what
is there once, its process, its data and its report. Steps cost what they cost in the newest runs of
the arm's own tricks. For tricks never seen together each trick's own factor over the plain net
counts, and a usual one for a trick never seen.

Where seeds of an arm train together each run has its share of the time, so that the seconds of runs
add up to those of the cores. How large that share is depends on how many train together.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import prod
from statistics import median
from typing import TYPE_CHECKING

from sqlalchemy import select

from trainer.experiment import Arm
from trainer.portions import may_stack, portions
from trainer.rows import kind_of, tricks_of
from trainer.schema import runs, timings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trainer.experiment import Setup
    from trainer.store import Store

NEWEST = 400  # runs that are looked at
RECENT = 8  # of the same tricks: this machine may have been busier before
UNSEEN = 1.3  # times the plain net's step, with a trick that was never timed: some take 1, some 2
CROWDED = 1.2  # a step while all workers are busy, over one of a trial, which runs alone
ONCE = 0.4  # seconds of a run that do not depend on its length, where none was measured
JUDGED = 0.08  # evaluations over steps, where none was measured: see trainer/grid.py
SPLIT = 0.85  # of a step's time: what runs that train together split; the rest each needs alone
ALIKE = 2.0  # runs up to so many times longer or shorter tell what happens beside the steps


@dataclass(frozen=True, kw_only=True)
class Past:
    """A run that is done: the hash of its tricks, its steps, seconds of training and in all.

    Of ``together`` runs in one process each has its share of both. ``apart``: it was found to be of
    no use, or is not known, to train such runs together.
    """

    tricks: str
    steps: int
    training: float
    wall: float
    together: int = 1
    apart: bool = False

    @property
    def step(self) -> float:
        """Seconds of a step, had the run been alone."""
        return self.training / self.steps / share(self.together)


@dataclass(frozen=True, kw_only=True)
class Times:
    """What is known of runs with this data set, network, batch size and device.

    ``trial``: seconds of a step of the plain net, timed apart; None if there was no trial.
    """

    past: Sequence[Past] = ()
    trial: float | None = None
    found: dict[str, list[Past]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.past:
            self.found.setdefault(one.tricks, []).append(one)

    def run(self, setup: Setup, arm: Arm, together: int = 1) -> float | None:
        """Seconds of a run of this arm, from its start to its end; None if nothing is known.

        Of so many that train together it is the share of one.
        """
        if setup.seconds is not None:
            return setup.seconds + self.beside(arm, setup.seconds, lambda one: one.training)
        step, total = self.step(arm), setup.total_steps
        if step is None or total is None:
            return None
        training = step * share(together) * total
        return training + self.beside(arm, training, lambda one: one.steps, total)

    def stacks(self, setup: Setup, arm: Arm) -> bool:
        """Whether seeds of this arm will train together, as far as one can tell before.

        A worker measures it. What the newest runs of the arm tell counts, then those of the kind;
        where there are none, nets with convolutions are taken to gain nothing on a CPU.
        """
        if not may_stack(setup, arm):
            return False
        for past in (self.found.get(tricks_of(arm), ()), self.past):
            for one in past[:RECENT]:
                if one.apart or one.together > 1:
                    return not one.apart
        return setup.network.kind == "mlp" or setup.device.startswith("cuda")

    def step(self, arm: Arm) -> float | None:
        """Seconds of a step of this arm; None if no run and no trial was of this kind."""
        own = self.found.get(tricks_of(arm))
        if own:
            return per_step(own)
        plain = self.found.get(tricks_of(Arm(name="plain")))
        base = per_step(plain) if plain else CROWDED * self.trial if self.trial else None
        if base is None:
            return per_step(self.past) if self.past else None
        return base * prod(self.factor(arm, i, base) for i in range(len(arm.tricks)))

    def factor(self, arm: Arm, i: int, base: float) -> float:
        """How many times longer a step takes with the arm's trick ``i`` alone."""
        alone = self.found.get(tricks_of(Arm(name="alone", tricks=(arm.tricks[i],))))
        return per_step(alone) / base if alone else UNSEEN

    def beside(
        self,
        arm: Arm,
        training: float,
        length: Callable[[Past], float],
        wanted: float | None = None,
    ) -> float:
        """Seconds of a run beside its steps: those of runs about as long, else a guess."""
        wanted = training if wanted is None else wanted
        alike = [one for one in self.past if 1 / ALIKE <= length(one) / wanted <= ALIKE]
        own = [one for one in alike if one.tricks == tricks_of(arm)]
        if chosen := own or alike:
            return median(max(0.0, one.wall - one.training) for one in chosen[:RECENT])
        return ONCE + JUDGED * training


def share(together: int) -> float:
    """What part of the time of a run alone a run has of so many that train together."""
    return SPLIT / together + 1 - SPLIT


def per_step(past: Sequence[Past]) -> float:
    """Seconds of a step in the newest of these runs, had each been alone."""
    return median(one.step for one in past[:RECENT])


def all_seconds(
    known: Times, setup: Setup, wanted: Iterable[tuple[Arm, int]], slots: int
) -> tuple[float, int] | None:
    """Seconds of so many equal runs of each arm, one process after the other, and how many
    processes that are; None if nothing like them was measured."""
    kinds: list[tuple[Arm, int]] = []
    for arm, count in wanted:
        whole = count > 1 and known.stacks(setup, arm)
        kinds += [(arm, count)] if whole else [(arm, 1)] * count
    taken = Counter(
        (id(kinds[kind][0]), size) for kind, size in portions([n for _, n in kinds], slots)
    )
    arms = {id(arm): arm for arm, _ in kinds}
    total = 0.0
    for (arm_id, size), count in taken.items():
        one = known.run(setup, arms[arm_id], size)
        if one is None:
            return None
        total += count * size * one
    return total, taken.total()


def times(store: Store, setup: Setup) -> Times:
    """What the store knows of runs of this kind, the newest first."""
    kind = kind_of(setup)
    newest = (
        select(
            *(runs.c.tricks, runs.c.step, runs.c.seconds, runs.c.started_at, runs.c.ended_at),
            *(runs.c.together, runs.c.recipe),
        )
        .where(runs.c.kind == kind, runs.c.state == "done", runs.c.step > 0)
        .where(runs.c.seconds > 0, runs.c.started_at.is_not(None))
        .order_by(runs.c.ended_at.desc())
        .limit(NEWEST)
    )
    with store.reads.connect() as db:
        past = [
            Past(
                tricks=tricks,
                steps=step,
                training=seconds,
                wall=(ended - started) / (together or 1),
                together=together or 1,
                apart=recipe is None,
            )
            for tricks, step, seconds, started, ended, together, recipe in db.execute(newest)
        ]
        trial = db.scalar(select(timings.c.step_seconds).where(timings.c.kind == kind))
    return Times(past=past, trial=trial)
