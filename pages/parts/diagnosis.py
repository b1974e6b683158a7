"""Below the curves: what the curve doctor says of each arm, and a closer look at one of them."""

from __future__ import annotations

import math
from html import escape
from statistics import fmean
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import arms, words
from pages.parts import diagnosis_figures as figures
from pages.parts.findings import title
from pages.parts.sheet import sheet
from trainer import provenance
from trainer.calibration import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pages.parts.findings import Findings, Report
    from pages.parts.reader import Look
    from trainer.doctor import Caption
    from trainer.store import RunRow

MOST_PILLS = 6  # arms; beyond that they are chosen from a list
NOT_KEPT = (
    "No closer look at this arm: its runs were trained before Trickboard kept one. A run that is "
    "done never changes; launched with one more seed, the new run has it."
)


def doctor(look: Look, findings: Findings) -> None:
    """A quiet line for each thing the curves tell; nothing where they are as they should be."""
    captions = findings.captions(look)
    if any(captions):
        sheet(doctor_lines(look, captions), key="doctor")


def doctor_lines(look: Look, captions: Sequence[Sequence[Caption]]) -> str:
    """The lines as HTML, arm by arm."""
    names = [arm.name for arm in look.row.experiment.arms]
    found = []
    for arm, own in enumerate(captions):
        found += [
            f"<details><summary>{arms.swatch(arm)}<b>{escape(names[arm])}: "
            f"{escape(lower(one.title))}</b><span class='say'>{escape(one.text)}</span></summary>"
            f"<p><b>Try:</b> {escape(one.advice)}</p>"
            f"<p>Rule <code>{escape(one.rule)}</code>{numbers(one)}. A rule reads the curves and "
            "can be wrong; your eyes decide.</p></details>"
            for one in own
        ]
    return "".join(found)


def lower(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"


def numbers(one: Caption) -> str:
    """The numbers by which a rule fired: ``: from 0.67, to 0.80``."""
    told = ", ".join(
        f"{name} {words.short(value, 3)}"
        for name, value in one.numbers.items()
        if name not in ("runs", "of")  # said in the line itself
    )
    return f": {escape(told)}" if told else ""


def closer_look(look: Look, findings: Findings) -> None:
    """Choose an arm, and see how sure it is, where it errs, and what its layers do."""
    names = [arm.name for arm in look.row.experiment.arms]
    st.subheader("A closer look", anchor=False)
    if not look.count("done"):
        st.caption("When the first run has finished, its network is looked into here.")
        return
    arm = chosen(names)
    own = findings.of_arm(look, arm)
    if not own:
        waits = not any(run.state == "done" for run in look.runs if run.arm == arm)
        st.caption("No run of this arm has finished yet." if waits else NOT_KEPT)
        return
    html = closer(look, findings, arm, names)
    sheet(html, key="closer_sheet", name=f"{look.row.name}, {names[arm]}")


def chosen(names: Sequence[str]) -> int:
    """The arm of the address, else the first beside the baseline."""
    asked = st.query_params.get("closer", "")
    usual = min(1, len(names) - 1)
    arm = int(asked) if asked.isdecimal() and len(asked) < 4 and int(asked) < len(names) else usual
    if len(names) == 1:
        return 0
    st.session_state["closer"] = arm
    control: Callable[..., Any] = st.selectbox
    more: dict[str, Any] = {}
    if len(names) <= MOST_PILLS:
        control, more = st.pills, {"required": True}
    control(
        "Arm",
        range(len(names)),
        format_func=lambda i: words.plain(names[i]) if more else names[i],
        key="closer",
        on_change=keep,
        args=(usual,),
        label_visibility="collapsed",
        **more,
    )
    return arm


def keep(usual: int) -> None:
    """Put the chosen arm into the address."""
    arm = st.session_state["closer"]
    if arm is None or arm == usual:
        st.query_params.pop("closer", None)
    else:
        st.query_params["closer"] = str(arm)


def closer(look: Look, findings: Findings, arm: int, names: Sequence[str]) -> str:
    """All that is known of one arm beside its curves, as HTML."""
    own = findings.of_arm(look, arm)
    base = findings.of_arm(look, 0) if arm else []
    n = f"n = {len(own)}"
    mean = n if len(own) == 1 else f"mean, {n}"
    both = [(0, names[0], base)] * bool(base) + [(arm, names[arm], own)]
    sure = in_words(own)
    parts = [
        facts(own, base),
        "<div class='panels'>",
        figures.panel("How sure, how right", f"accuracy, %, {mean}",
                      figures.reliability(both) + key(both) + ideal(sure),
                      numbers=figures.reliability_rows(both), x="confidence, %"),
        figures.panel("Recall by class", f"{mean}{tick(base)}", figures.recalls(arm, own, base)),
        figures.panel("Called what", f"test images, {mean}", figures.confusions(arm, own)
                      + "<p>Rows are the true classes, columns the answers.</p>"),
        figures.panel("Layers after training", mean, figures.layer_rows(arm, own, base)),
        *traces(look, findings, arm, names),
        *cleaning(own),
        "</div>",
        told(own),
        trained_with(own, [run for run in look.runs if run.arm == arm]),
    ]  # fmt: skip
    return "".join(parts)


def trained_with(own: Sequence[Report], runs: Sequence[RunRow]) -> str:
    """Where the numbers come from: versions, machine and memory of the arm's finished runs."""
    made = provenance.line([provenance.of_report(one) for one in own])
    return f"<p class='told'><b>Trained with</b>: {escape(made)}.{memory(runs)}</p>"


def memory(runs: Sequence[RunRow]) -> str:
    """What a process of the arm's runs took at most, on the CPU's side and on a GPU."""
    most = max((run for run in runs if run.memory), key=lambda run: run.memory or 0, default=None)
    if most is None or most.memory is None:
        return ""
    others = f" for {most.together} runs together" if most.together > 1 else ""
    gpu = max((run.gpu_memory or 0 for run in runs), default=0)
    beside = f", and {words.size(gpu)} on the GPU" if gpu else ""
    return f" <b>Memory</b>: {words.size(most.memory)}{others}{beside}."


def machines(look: Look, findings: Findings) -> None:
    """A quiet line where the runs were not all trained with the same; else nothing."""
    ended = [findings.report_of(run) for run in look.runs]
    if unlike := provenance.unlike([provenance.of_report(one) for one in ended]):
        st.caption(words.plain(unlike))


def tick(base: Sequence[Report]) -> str:
    return ", tick: baseline" if base else ""


def ideal(sure: str) -> str:
    return (
        f"<p>{sure}. On the dotted line 80 % sure is 80 % right. Below it the network is too sure. "
        "The size of a dot is its share of the images.</p>"
    )


def key(shown: Sequence[tuple[int, str, Any]]) -> str:
    """Which color is whose."""
    return legend([(figures.color(arm), name, False) for arm, name, _ in shown])


def legend(lines: Sequence[tuple[str, str, bool]]) -> str:
    items = "".join(
        f"<li><i{' class=dash' if dash else ''} style='border-color:{paint}'></i>"
        f"{escape(name)}</li>"
        for paint, name, dash in lines
    )
    return f"<ul class='key'>{items}</ul>"


FACTS: dict[str, tuple[str, str, Callable[[Report], float | None], bool]] = {
    "balanced": ("Balanced accuracy", "the mean recall of the classes",
                 lambda one: one.get("balanced_accuracy"), True),
    "ece": ("Calibration error", "ECE over 15 bins of confidence",
            lambda one: one.get("ece"), True),
    "dead": ("Dead units", "give the same value for every test image",
             lambda one: one.get("dead_units"), True),
    "norm": ("Weight norm", "of all weight matrices together",
             lambda one: one.get("weight_norm"), False),
    "sharp": ("Sharpness", "how much the training loss rises 0.05 uphill in the weights",
              lambda one: (one.get("sharpness") or {}).get("rise"), False),
}  # fmt: skip


def facts(own: Sequence[Report], base: Sequence[Report]) -> str:
    """The single numbers, means over the runs, the baseline's small under them."""
    cells = []
    for name, help, read, share in FACTS.values():
        value = average(own, read)
        if value is None:
            continue
        other = average(base, read)
        beside = "" if other is None else f"<small>baseline {shown(other, share)}</small>"
        cells.append(
            f"<div title='{escape(help, True)}'><dt>{name}</dt>"
            f"<dd>{shown(value, share)}{beside}</dd></div>"
        )
    return f"<dl class='facts'>{''.join(cells)}</dl>"


def average(reports: Sequence[Report], read: Callable[[Report], float | None]) -> float | None:
    values = [value for one in reports if (value := read(one)) is not None]
    return fmean(values) if values else None


def shown(value: float, share: bool) -> str:
    return words.percent(value) if share else figures.figure(value)


def traces(look: Look, findings: Findings, arm: int, names: Sequence[str]) -> list[str]:
    """What went on inside while it trained: gradients, weights, calibration."""
    made, short, named = [], [], ""
    first, last = (findings.traces_of(look, arm, f"grad_{end}") for end in ("first", "last"))
    ends = [
        ("first layer", figures.color(arm), first, False),
        ("last layer", figures.color(arm), last, True),
    ]
    if svg := figures.over_steps(ends, log=True):
        lines = [(paint, name, dash) for name, paint, _, dash in ends]
        made.append(
            figures.panel("Gradient norms", f"n = {len(first)}", svg + legend(lines)
                          + "<p>Far apart: the gradient vanishes or explodes on its way.</p>",
                          numbers=figures.trace_rows(ends, log=True))
        )  # fmt: skip
    for of, heading, percent in (("weight_norm", "Weight norm", False),
                                 ("ece", "Calibration error, %", True)):  # fmt: skip
        runs = findings.traces_of(look, arm, of)
        lines_of = [(names[arm], figures.color(arm), runs, False)]
        if arm and (others := findings.traces_of(look, 0, of)):
            lines_of.insert(0, (names[0], figures.color(0), others, False))
        svg = figures.over_steps(lines_of, log=False, percent=percent, height=figures.SHORT)
        if svg:
            named = legend([(paint, name, dash) for name, paint, _, dash in lines_of])
            mean = "" if len(runs) == 1 else "mean, "
            rows = figures.trace_rows(lines_of, log=False, percent=percent)
            short.append(figures.panel(heading, f"{mean}n = {len(runs)}", svg, numbers=rows))
    if short:
        made.append(f"<div class='stack'>{''.join(short)}{named}</div>")
    return made


def cleaning(own: Sequence[Report]) -> list[str]:
    """What a trick that cleans labels has flagged, and how right it was."""
    made = []
    for id in dict.fromkeys(id for one in own for id in one.get("tricks", {})):
        found = [one["tricks"][id]["cleaning"] for one in own
                 if "cleaning" in one.get("tricks", {}).get(id, {})]  # fmt: skip
        if not found:
            continue
        examples = found[0].get("examples", [])
        body = f"<p>{escape(cleaning_words(found))}</p>"
        if examples:
            body += figures.flagged(examples)
            body += "<p>Of the first seed, the surest first: the label given → the label voted.</p>"
        made.append(figures.panel(title(id), f"n = {len(found)}", body, wide=True))
    return made


def cleaning_words(found: Sequence[dict[str, Any]]) -> str:
    """``Flagged 84 of 120 wrong labels...``: the means over the runs."""
    flags = average(found, lambda one: one.get("flagged"))
    wrong = average(found, lambda one: one.get("wrong"))
    text = f"{words.short(flags or 0, 3)} examples flagged"
    if wrong is not None:
        text += f", {words.short(wrong, 3)} labels are wrong"
    precision = average(found, lambda one: one.get("precision"))
    recall = average(found, lambda one: one.get("recall"))
    if precision is not None:
        text += f". Precision {words.percent(precision)}: so many of the flagged were wrong"
    if recall is not None:
        text += f". Recall {words.percent(recall)}: so many of the wrong were flagged"
    return f"{text}."


def told(own: Sequence[Report]) -> str:
    """Single numbers that tricks tell of themselves, as they are."""
    lines = []
    for id, first in own[0].get("tricks", {}).items():
        parts = []
        for name, value in simple(first):
            values = [dict(simple(one["tricks"].get(id, {}))).get(name) for one in own]
            known = [one for one in values if one is not None]
            mean = fmean(known) if known else value
            parts.append(f"{name.replace('_', ' ')} {words.short(mean, 3)}")
        if parts:
            lines.append(f"<b>{escape(title(id))}</b>: {escape(', '.join(parts))}")
    return f"<p class='told'>{'. '.join(lines)}. Means over the runs.</p>" if lines else ""


def simple(report: dict[str, Any]) -> list[tuple[str, float]]:
    """The plain numbers of a trick's report; ``acted`` and ``cleaning`` are told elsewhere."""
    found = []
    for name, value in report.items():
        if name in ("acted", "cleaning"):
            continue
        inner = value.items() if isinstance(value, dict) else [("", value)]
        for part, number in inner:
            usable = isinstance(number, int | float) and not isinstance(number, bool)
            if usable and math.isfinite(number):
                found.append((f"{name} {part}".strip(), float(number)))
    return found
