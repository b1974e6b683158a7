"""How sure and how right the networks of a report are, and what they take for what."""

from __future__ import annotations

from html import escape
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from trainer import marks, words
from trainer.calibration import bins, in_words
from trainer.export.report_draw import Axis, Chart, figure, numbers_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.calibration import Report
    from trainer.export.material import Material

MOST_ARMS = 8  # with a confusion matrix; the table has the numbers of all
SHADE = 65  # percent of the arm's color where most is mistaken


def answers_section(material: Material) -> str:
    """Calibration of all arms, then a confusion matrix of each; empty if no run told of it."""
    own = [
        [
            report
            for run in material.of_arm(arm, "done")
            if "calibration" in (report := material.reports.get(run.id, {}))
        ]
        for arm in range(len(material.experiment.arms))
    ]
    if not any(own):
        return ""
    return f'<div class="answers">{calibration(material, own)}{confusions(material, own)}</div>'


def n_of(own: Sequence[Sequence[Report]]) -> str:
    counts = [len(reports) for reports in own]
    return f"n = {words.between(min(counts), max(counts))}"


def calibration(material: Material, own: Sequence[Sequence[Report]]) -> str:
    """Accuracy over confidence; on the dotted line 80 % sure is 80 % right."""
    chart = Chart(x=Axis(0, 100), y=Axis(0, 100))
    chart.line("ideal", None, np.array([0.0, 100.0]), np.array([0.0, 100.0]))
    rows, said = [], []
    for arm, reports in enumerate(own):
        if not reports:
            continue
        name = material.experiment.arms[arm].name
        sure, right, _ = bins(reports)
        chart.line("mean", arm, 100 * sure, 100 * right)
        for x, y in zip(100 * sure, 100 * right, strict=True):
            chart.mark(arm, x, y)
        told = in_words(reports)
        said.append(f"{name}: {told}")
        recall = [one for one in (report.get("balanced_accuracy") for report in reports) if one]
        rows.append(
            [name, str(len(reports)), told.removeprefix("ECE "),
             words.percent(fmean(recall)) if recall else words.NOTHING]
        )  # fmt: skip
    table = numbers_table(
        "Expected calibration error over 15 bins of confidence and mean recall of the classes, "
        "means over the runs", ["arm", "n", "calibration error", "balanced accuracy"], rows,
    )  # fmt: skip
    note = f"test images, mean over the runs, no band, {n_of(own)}"
    alt = f"Accuracy over confidence. {'; '.join(said)}."
    body = chart.svg(alt, "confidence, %")
    under = '<p class="quiet">On the dotted line 80 % sure is 80 % right; below it, too sure.</p>'
    return figure("How sure, how right (accuracy, %)", note, body + under, table)


def confusions(material: Material, own: Sequence[Sequence[Report]]) -> str:
    shown = [(arm, reports) for arm, reports in enumerate(own) if reports][:MOST_ARMS]
    tables = "".join(confusion(material, arm, reports) for arm, reports in shown)
    left = sum(map(bool, own)) - len(shown)
    more = f" The first {len(shown)} of {len(shown) + left} arms." if left else ""
    return (
        "<figure><figcaption><b>Called what</b> <span>test images, mean over the runs, no band, "
        f'{n_of(own)}</span></figcaption><div class="matrices">{tables}</div>'
        f'<p class="quiet">Rows are the true classes, columns the answers.{more}</p></figure>'
    )


def confusion(material: Material, arm: int, reports: Sequence[Report]) -> str:
    """A matrix with its errors shaded."""
    mean = np.mean([report["confusion"] for report in reports], axis=0)
    errors = mean * (1 - np.eye(len(mean)))
    most = max(1.0, float(errors.max()))
    name = escape(material.experiment.arms[arm].name)
    head = "".join(f'<th scope="col">{i}</th>' for i in range(len(mean)))
    rows = []
    for i, row in enumerate(mean):
        cells = []
        for j, value in enumerate(row):
            shade = 0 if i == j else round(SHADE * errors[i, j] / most)
            paint = f"color-mix(in srgb, {marks.paint(arm)} {shade}%, transparent)"
            style = f' style="background:{paint}"' if shade else ""
            cells.append(f"<td{style}>{told(float(value), right=i == j)}</td>")
        rows.append(f'<tr><th scope="row">{i}</th>{"".join(cells)}</tr>')
    return (
        f'<div class="scroll"><table class="matrix"><caption>{marks.swatch(arm)} {name}, '
        f"n = {len(reports)}</caption><thead><tr><th></th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def told(value: float, *, right: bool) -> str:
    """An image in ten runs is not worth a number."""
    if right:
        return f"<b>{words.number(value, 0)}</b>"
    return words.number(value, 1 if value < 10 else 0) if round(value, 1) else ""
