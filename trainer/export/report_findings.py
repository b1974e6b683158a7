"""What the finished runs of a report say, and how its numbers are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal

from trainer import words
from trainer.datasets import DATASETS
from trainer.measure import Measure
from trainer.results import comparisons, diverged, finals
from trainer.sentences import JOINER
from trainer.statistics import arm_interval, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.export.material import Material
    from trainer.statistics import ArmInterval, Comparison


@dataclass(frozen=True, kw_only=True)
class Findings(Measure):
    """What the finished runs say, and how its numbers are written."""

    material: Material
    values: Mapping[str, Mapping[int, float]]  # final metric by arm and seed
    compared: dict[str, Comparison]

    def interval(self, arm: str) -> ArmInterval:
        return arm_interval(dict(self.values[arm]))

    @property
    def margin(self) -> float:
        return next((one.margin for one in self.compared.values()), 0.0)


def findings(material: Material) -> Findings:
    """Everything that the verdict stands on."""
    metric = material.experiment.metric
    found = comparisons(material.row, material.runs, metric)
    return Findings(
        material=material,
        values=finals(material.row, material.runs, metric),
        compared={one.arm: one for one in found},
        accuracy=metric == "test_accuracy",
    )


def verdict(known: Findings) -> str:
    """The sentence as HTML."""
    states = {run.state for run in known.material.runs}
    seeds = [set(one) for one in known.values.values()]
    said = sentence(
        known.material.experiment,
        list(known.compared.values()),
        diverged(known.material.runs),
        state=state_of(states),
        complete=len(set.intersection(*seeds)),
    )
    return bold(said)


def state_of(states: set[str]) -> Literal["running", "paused", "stopped", "done"]:
    """What an experiment is whose runs are in these states."""
    if states & {"waiting", "running"}:
        return "running"
    if "paused" in states:
        return "paused"
    return "stopped" if "stopped" in states else "done"


def bold(markdown: str) -> str:
    """A sentence with ``**names**`` and escaped signs, as HTML."""
    is_open = False

    def turned(found: re.Match[str]) -> str:
        nonlocal is_open
        if found[0] != "**":
            return escape(found[1] or found[2])
        is_open = not is_open
        return "<b>" if is_open else "</b>"

    return re.sub(r"\\(.)|\*\*|([&<>\"'])", turned, markdown.replace(JOINER, ""))


def size(known: Findings, margin: float) -> str:
    """A margin with its unit."""
    if known.accuracy:
        return f"{words.number(100 * margin)} points"
    return words.short(margin, 2)


def zone(known: Findings) -> str:
    """Where the margin comes from."""
    experiment = known.material.experiment
    if experiment.margin is not None:
        return "the largest difference that counts as none, set before launch"
    return f"all that {DATASETS[experiment.setup.dataset].test_size:,} test images can tell apart"
