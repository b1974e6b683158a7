"""What a report says against itself: limits, lost runs, tuned rates, versions."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from statistics import fmean
from typing import TYPE_CHECKING

from trainer import provenance, words
from trainer.datasets import DATASETS
from trainer.export.material import ENDED
from trainer.export.report_draw import numbers_table
from trainer.export.report_findings import size, zone
from trainer.results import looked, untunable

if TYPE_CHECKING:
    from trainer.export.material import Material
    from trainer.export.report_findings import Findings
    from trainer.rows import RunRow

MOST_LOST = 12  # lines; more are counted
LOST = ("diverged", "failed", "stopped", "paused")
TEST_SLICE = 500  # test images behind a point of a curve, as the task has it


def limits_section(known: Findings) -> str:
    """What the verdict does not say, as a list."""
    items = "".join(f"<li>{one}</li>" for one in limits(known))
    return f'<ul class="limits">{items}</ul>'


def limits(known: Findings) -> list[str]:
    """A sentence or two for each limit, as HTML."""
    material = known.material
    experiment = material.experiment
    images = DATASETS[experiment.setup.dataset].test_size
    said = [rates(material)]
    said.append(
        f"<b>One test set.</b> Every run is tested on the same {images:,} images. The intervals "
        "tell how results vary with the seed (first weights, order and choice of the training "
        "examples), not how they would on other images or other data."
    )
    if images > TEST_SLICE:
        said[-1] += f" Curves are drawn on {TEST_SLICE} of them, the verdict uses all."
    if known.compared:
        said.append(margin(known))
        said.append(looks(material))
    if len(known.compared) > 1:
        said.append(
            f"<b>Many comparisons.</b> The p values are adjusted by Holm for "
            f"{len(known.compared)} comparisons; the intervals are not."
        )
    if any(run.state in LOST for run in material.runs):
        said.append(
            "<b>Lost runs.</b> A run that diverged, failed or was stopped has no final number. A "
            "difference uses the seeds complete in both arms, which flatters an arm that lost its "
            "worst runs."
        )
    if unlike := provenance.unlike(made_of(material)):
        said.append(f"<b>Not one machine.</b> {escape(unlike)}")
    said.append(
        "<b>Small and short.</b> A small network, trained for seconds or minutes. What helps here "
        "need not help a large model, nor the other way round."
    )
    return said


def rates(material: Material) -> str:
    experiment = material.experiment
    if experiment.tune is None:
        return (
            "<b>Fixed rates.</b> Every arm was trained at one given rate; none was looked for. A "
            "rate that suits the baseline need not suit a trick, so an arm that lost here may win "
            "at another rate, and the other way round."
        )
    low, high = min(experiment.tune.scales), max(experiment.tune.scales)
    return (
        f"<b>Tuned rates.</b> Before the comparison every arm tried its rate × {low:g} to × "
        f"{high:g} on {words.count(experiment.tune.seeds, 'seed')} that are not compared, and kept "
        "the best. Nothing else was tuned."
    )


def margin(known: Findings) -> str:
    if not known.margin:
        return (
            "<b>No margin.</b> For this metric no smallest difference that matters is known, so "
            "“no difference” is only said of equal results."
        )
    return (
        f"<b>Margin.</b> A difference counts as none if its whole interval lies within "
        f"± {size(known, known.margin)}: {zone(known)}. Whether a larger one matters is for you to "
        "judge."
    )


def looks(material: Material) -> str:
    if text := looked(material.row):
        return f"<b>Looked at before.</b> {escape(text)}"
    return "<b>One look.</b> No seed was added after the launch."


def lost_section(material: Material) -> str:
    """The runs without a final number, those of an arm that ended alike together."""
    groups: dict[tuple[str, str, str], list[RunRow]] = {}
    for run in material.runs:
        if run.state in LOST:
            why = (run.error_text or "its log says why") if run.state == "failed" else ""
            groups.setdefault((run.arm_name, run.state, why), []).append(run)
    lines = []
    for (arm, state, reason), runs in list(groups.items())[:MOST_LOST]:
        first, *_, last = sorted(run.step for run in [*runs, *runs])
        at = f"at step {first:,}" if first == last else f"at steps {first:,} to {last:,}"
        why = reason or (f"the loss is not a number, {at}" if state == "diverged" else at)
        seeds = words.seeds([run.seed for run in runs])
        noun = "seed" if len(runs) == 1 else "seeds"
        lines.append(
            f"<li><b>{escape(arm)}, {noun} {seeds} {state}:</b> {escape(why.rstrip('.'))}.</li>"
        )
    if len(groups) > MOST_LOST:
        rest = sum(len(runs) for runs in list(groups.values())[MOST_LOST:])
        lines.append(f"<li>and {words.count(rest, 'more run')}</li>")
    return f'<ul class="lost-runs">{"".join(lines)}</ul>' if lines else ""


def tuning_section(known: Findings) -> str:
    """How every arm did at every scale, and which was kept."""
    material = known.material
    tune = material.experiment.tune
    if tune is None or not material.trials:
        return ""
    rows = []
    for i, arm in enumerate(material.experiment.arms):
        cells = [arm.name]
        for scale in tune.scales:
            own = [one.run for one in material.trials if (one.arm, one.scale) == (i, scale)]
            done = [run.metrics[material.experiment.metric] for run in own if run.state == "done"]
            text = known.value(fmean(done)) if done else words.NOTHING
            lost = f" ({len(own) - len(done)} lost)" if done and len(done) < len(own) else ""
            cells.append(text + lost)
        kept = (material.row.tuned or {}).get(arm.name)
        rows.append([*cells, "not yet" if kept is None else f"× {kept:g}"])
    head = ["arm", *(f"× {scale:g}" for scale in tune.scales), "kept"]
    seeds = words.count(tune.seeds, "seed")
    table = numbers_table(f"Mean {known.title} at each rate, n = {tune.seeds}", head, rows)
    said = f"Each arm tried its rate times each of these, on {seeds} that are not compared."
    if unknown := untunable(material.trials):
        said += f" No trial of {escape(words.listed(unknown))} came to its end, so × 1 was kept."
    return f"<p>{said}</p>{table}"


def versions_section(material: Material) -> str:
    """With what the runs say they were trained, and what wrote the report."""
    rows = "".join(
        f"<dt>{escape(word)}</dt><dd>{escape(text)}</dd>" for word, text in versions(material)
    )
    return (
        f'<dl class="terms">{rows}</dl><p class="quiet">Versions and machine as each run kept them '
        f"when it ended. Trickboard {provenance.project()} wrote this report.</p>"
    )


def made_of(material: Material) -> list[provenance.Made | None]:
    """What each run that ended says it was made with."""
    ended = [run for run in material.runs if run.state in ENDED]
    return [provenance.of_report(material.reports.get(run.id)) for run in ended]


def versions(material: Material) -> list[tuple[str, str]]:
    """What the numbers were made with."""
    found = [("Experiment", material.row.id), *provenance.terms(made_of(material))]
    ends = sorted(run.ended_at for run in material.runs if run.ended_at is not None)
    if ends:
        first, last = (moment(at) for at in (ends[0], ends[-1]))
        found.append(("Trained", first if first == last else f"{first} to {last}"))
    return found


def moment(at: float) -> str:
    """A time of day in UTC, the same wherever the report is read."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
