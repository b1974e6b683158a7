"""The results of an experiment: for machines as one JSON object, for people as a table."""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING, Any

from trainer.datasets import DATASETS
from trainer.sentences import plain
from trainer.statistics import WORDS, arm_interval, compare, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trainer.statistics import Comparison
    from trainer.store import ExperimentRow, RunRow, Trial

COMPARED = ("test_accuracy", "test_loss")
PAUSE = 5.0  # seconds between two runs above which nobody was at work


def finals(
    row: ExperimentRow, runs: Iterable[RunRow], metric: str | None = None
) -> dict[str, dict[int, float]]:
    """The metric of every finished run that has it, by arm and seed; by default its own metric."""
    metric = metric or row.experiment.metric
    values: dict[str, dict[int, float]] = {arm.name: {} for arm in row.experiment.arms}
    for run in runs:
        if run.state == "done" and metric in run.metrics:
            values[run.arm_name][run.seed] = run.metrics[metric]
    return values


def comparisons(
    row: ExperimentRow,
    runs: Iterable[RunRow],
    metric: str | None = None,
    *,
    foretell: bool = True,
) -> list[Comparison]:
    """Every arm against the baseline, by the experiment's own metric unless another is named.

    The experiment's margin is one of its own metric; for another the usual one is taken.
    """
    experiment = row.experiment
    metric = metric or experiment.metric
    return compare(
        finals(row, runs, metric),
        baseline=experiment.baseline.name,
        metric=metric,
        images=DATASETS[experiment.setup.dataset].test_size,
        margin=experiment.margin if metric == experiment.metric else None,
        foretell=foretell,
    )


def as_json(
    row: ExperimentRow, runs: Sequence[RunRow], trials: Sequence[Trial] = ()
) -> dict[str, Any]:
    """What ``run --json`` prints; its shape is public. What is not known is null.

    ``tuning`` is there only if the experiment asks for it.
    """
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
    shown = {"experiment": row.experiment.dump() | {"id": row.id}, "arms": arms}
    return shown | ({"tuning": [trial_json(one) for one in trials]} if trials else {})


def trial_json(one: Trial) -> dict[str, Any]:
    told = run_json(one.run)
    kept = {key: told[key] for key in ("seed", "metrics", "state")}
    return {"arm": one.arm_name, "scale": one.scale} | kept


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


def table(row: ExperimentRow, runs: Sequence[RunRow], trials: Sequence[Trial] = ()) -> str:
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
    notes = ["Intervals: 95 %, Student's t. p: exact sign-flip test, Holm over all comparisons."]
    notes += [one for one in (looked(row), tuned(row, trials)) if one]
    if not found:
        return "\n".join([columns(lines), *notes[1:]])
    said = plain(sentence(row.experiment, list(found.values()), diverged(runs)))
    return "\n".join([columns(lines), "", said, *notes])


def took(row: ExperimentRow, runs: Iterable[RunRow], trials: Iterable[Trial] = ()) -> float | None:
    """Wall seconds of what was trained for the launch, from its first start to its last end.

    Runs that were done before and seeds that were added later are left out, and so is the time in
    which none of them ran: while it was stopped, or waited for others. None: nothing was trained.
    """
    first = row.experiment.seeds[: row.added[0] if row.added else None]
    ours = [run for run in runs if run.seed in first] + [one.run for one in trials]
    spans = sorted(
        {
            (run.started_at, run.ended_at)
            for run in ours
            if run.started_at and run.ended_at and run.started_at >= row.created_at
        }
    )
    total, end = 0.0, -math.inf
    for start, stop in spans:
        total += max(0.0, stop - (start if start - end > PAUSE else end))
        end = max(end, stop)
    return total if spans else None


def looked(row: ExperimentRow) -> str:
    """What it does to p that somebody looked before all seeds were there; empty if nobody did."""
    if not row.added:
        return ""
    times = "once" if len(row.added) == 1 else f"{len(row.added)} times"
    return (
        f"Seeds were added {times} after looking (at {', then '.join(map(str, row.added))}): p "
        "values and intervals assume that the number was fixed before, so read them as too hopeful."
    )


def tuned(row: ExperimentRow, trials: Sequence[Trial]) -> str:
    """Which rates were found, a line for a terminal; empty without tuning."""
    if not row.tuned or row.experiment.tune is None:
        return ""
    found = ", ".join(f"{arm} × {scale:g}" for arm, scale in row.tuned.items())
    seeds = row.experiment.tune.seeds
    said = f"Learning rates, tuned on {seeds} seed{'s' * (seeds != 1)} of their own: {found}."
    if lost := untunable(trials):
        said += f" No trial of {', '.join(lost)} came to its end, so × 1 was kept."
    return said


def untunable(trials: Iterable[Trial]) -> list[str]:
    """The arms none of whose trials came to its end with a number: nothing was learned of them."""
    found: dict[str, bool] = {}
    for one in trials:
        found[one.arm_name] = found.get(one.arm_name, False) or one.run.state == "done"
    return [arm for arm, known in found.items() if not known]


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
