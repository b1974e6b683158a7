"""The report: one HTML file that needs no network, no script and no Trickboard to be read."""

from __future__ import annotations

import time
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from trainer import marks, words
from trainer.export.report_answers import answers_section
from trainer.export.report_curves import curves, rates
from trainer.export.report_differences import cost, differences
from trainer.export.report_draw import legend
from trainer.export.report_effects import effects_section
from trainer.export.report_findings import findings, verdict
from trainer.export.report_forest import forest
from trainer.export.report_limits import (
    limits_section,
    lost_section,
    moment,
    tuning_section,
    versions_section,
)
from trainer.export.report_seeds import seeds
from trainer.export.report_setup import arms_section, setup_section, what

if TYPE_CHECKING:
    from pathlib import Path as Folder

    from trainer.export.material import Material

STYLE = Path(__file__).with_name("report.css")
THIN = '<p class="quiet">A thin line is a single run, a dotted one a run that ended early.</p>'
TONES = {  # what a style sheet calls the colors of the theme
    "paper": "backgroundColor",
    "wash": "secondaryBackgroundColor",
    "ink": "textColor",
    "link": "linkColor",
    "border": "borderColor",
    "red": "redColor",
}


def write_report(material: Material, folder: Folder) -> None:
    """``report.html``."""
    (folder / "report.html").write_text(report(material), encoding="utf-8")


def report(material: Material, *, at: float | None = None) -> str:
    """The whole page; ``at`` is when it is written, seconds since 1970, by default now."""
    known = findings(material)
    name = escape(material.row.name)
    names = [arm.name for arm in material.experiment.arms]
    drawn, constant = rates(material)
    figures = [curves(material, "accuracy"), curves(material, "loss"), drawn]
    beside = [differences(material), cost(known)] if len(names) > 1 else []
    body = [
        section("Results", forest(known)),
        section("Effects", effects_section(known)),
        section("Every run", seeds(known)),
        section(
            "Curves", legend(names) + THIN + grid(figures) + grid(beside) + paragraph(constant)
        ),
        section("A closer look", answers_section(material)),
        section("Runs without a result", lost_section(material)),
        section("What this does not say", limits_section(known)),
        section("The arms", arms_section(material)),
        section("Tuned rates", tuning_section(known)),
        '<div class="halves">'
        + section("Setup", setup_section(material))
        + section("Made with", versions_section(material))
        + "</div>",
    ]
    count = words.count(len(material.runs), "run")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><title>{name}</title><style>{palette()}{STYLE.read_text("utf-8")}'
        f'</style></head><body><header><p class="over">Trickboard report, '
        f"{moment(time.time() if at is None else at)}, {count}</p><h1>{name}</h1>"
        f'<p class="said">{verdict(known)}</p>{paragraph(what(material.experiment))}</header>'
        f"<main>{''.join(body)}</main></body></html>\n"
    )


def section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>" if body else ""


def grid(figures: list[str]) -> str:
    return f'<div class="figures">{"".join(figures)}</div>' if any(figures) else ""


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""


def palette() -> str:
    """The colors of the theme and of the arms: by day, by night, and by day on paper."""
    day, night = tones("light"), tones("dark")
    return (
        f":root{{{day}}}@media(prefers-color-scheme:dark){{:root{{{night}}}}}"
        f"@media print{{:root{{{day}}}}}"
    )


def tones(theme: str) -> str:
    known = marks.theme()[theme]
    arms = {f"arm-{i}": color for i, color in enumerate(known["chartCategoricalColors"])}
    named = {name: known[key] for name, key in TONES.items()} | arms
    return "".join(f"--{name}:{color};" for name, color in named.items())
