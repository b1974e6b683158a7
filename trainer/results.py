"""The results of an experiment: for machines as one JSON object, for people as a table."""

from __future__ import annotations

import math
import re
from statistics import fmean
from typing import TYPE_CHECKING, Any

from trainer.datasets import DATASETS
from trainer.statistics import WORDS, arm_interval, compare, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.statistics import Comparison
    from trainer.store import ExperimentRow, RunRow

COMPARED = ("test_accuracy", "test_loss")


def finals(row: ExperimentRow, runs: Sequence[RunRow], metric: str) -> dict[str, dict[int, float]]:
    """The metric of every finished run that has it, by arm and seed."""
    values: dict[str, dict[int, float]] = {arm.name: {} for arm in row.experiment.arms}
    for run in runs:
        if run.state == "done" and metric in run.metrics:
            values[run.arm_name][run.seed] = run.metrics[metric]
    return values


def comparisons(row: ExperimentRow, runs: Sequence[RunRow], metric: str) -> list[Comparison]:
    """Every arm against the baseline."""
    return compare(
        finals(row, runs, metric),
        baseline=row.experiment.baseline.name,
        metric=metric,
        images=DATASETS[row.experiment.setup.dataset].test_size,
    )


def as_json(row: ExperimentRow, runs: Sequence[RunRow]) -> dict[str, Any]:
    """What ``run --json`` prints; its shape is public. What is not known is null."""
    deltas: dict[str, dict[str, Any]] = {arm.name: {} for arm in row.experiment.arms}
    for metric in COMPARED:
        for one in comparisons(row, runs, metric):
            deltas[one.arm][metric] = {
                "mean": known(one.mean),
                "low": known(one.low),
                "high": known(one.high),
                "n": one.n,
                "p": known(one.p),
                "verdict": one.verdict,
            }
    arms = []
    for i, arm in enumerate(row.experiment.arms):
        own = [run for run in runs if run.arm == i]
        shown: dict[str, Any] = {
            "name": arm.name,
            "runs": [run_json(run) for run in own],
            "mean": means(own),
        }
        if arm is not row.experiment.baseline:
            shown["delta"] = deltas[arm.name]
        arms.append(shown)
    return {"experiment": row.experiment.dump() | {"id": row.id}, "arms": arms}


def run_json(run: RunRow) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "state": run.state,
        "seconds": known(run.seconds),
        "steps": run.step,
        "metrics": {key: known(value) for key, value in run.metrics.items()},
    }


def means(runs: Sequence[RunRow]) -> dict[str, float | None]:
    """The mean of each metric over the finished runs."""
    done = [run.metrics for run in runs if run.state == "done"]
    names = dict.fromkeys(name for metrics in done for name in metrics)
    return {
        name: known(fmean([metrics[name] for metrics in done if name in metrics])) for name in names
    }


def known(value: float | None) -> float | None:
    """A number that JSON has, or None."""
    return value if value is not None and math.isfinite(value) else None


def table(row: ExperimentRow, runs: Sequence[RunRow]) -> str:
    """A line for each arm and what follows from them, for a terminal."""
    metric = row.experiment.metric
    found = {one.arm: one for one in comparisons(row, runs, metric)}
    values = finals(row, runs, metric)
    lines = [["arm", "n", metric.replace("_", " "), "difference", "p", "verdict", "seconds"]]
    for i, arm in enumerate(row.experiment.arms):
        seconds = [
            run.seconds
            for run in runs
            if run.arm == i and run.state == "done" and run.seconds is not None
        ]
        lines.append(
            [
                arm.name,
                str(len(values[arm.name])),
                interval(values[arm.name], metric),
                *verdict(found.get(arm.name), metric),
                f"{fmean(seconds):.2f}" if seconds else "",
            ]
        )
    said = plain(sentence(row.experiment, list(found.values()), diverged(runs)))
    notes = "Intervals: 95 %, Student's t. p: exact sign-flip test, Holm over all comparisons."
    return f"{columns(lines)}\n\n{said}\n{notes}" if found else columns(lines)


def columns(lines: list[list[str]]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def interval(values: Mapping[int, float], metric: str) -> str:
    """``73.3 ± 1.0 %``: mean and half the 95 % t interval."""
    found = arm_interval(values)
    if found.mean is None:
        return ""
    scale, digits, unit = unit_of(metric)
    text = f"{found.mean * scale:.{digits}f}"
    if found.low is not None:
        text += f" ± {(found.mean - found.low) * scale:.{digits}f}"
    return text + unit


def verdict(one: Comparison | None, metric: str) -> list[str]:
    """The difference with its interval, p and the word; empty for the baseline."""
    if one is None:
        return ["", "", ""]
    scale, digits, _ = unit_of(metric)
    text = "" if one.mean is None else f"{one.mean * scale:+.{digits}f}"
    if one.low is not None and one.high is not None:
        text += f" [{one.low * scale:+.{digits}f}, {one.high * scale:+.{digits}f}]"
    return [text, "" if one.p is None else f"{one.p:.3f}", WORDS[one.verdict]]


def unit_of(metric: str) -> tuple[float, int, str]:
    """Accuracies are shown in percent, losses as they are: factor, digits, unit."""
    return (100.0, 1, " %") if metric.endswith("accuracy") else (1.0, 3, "")


def diverged(runs: Sequence[RunRow]) -> dict[str, int]:
    found: dict[str, int] = {}
    for run in runs:
        if run.state == "diverged":
            found[run.arm_name] = found.get(run.arm_name, 0) + 1
    return found


def plain(markdown: str) -> str:
    """A verdict sentence without its Markdown."""
    return re.sub(r"\\(.)", r"\1", markdown.replace("**", ""))
