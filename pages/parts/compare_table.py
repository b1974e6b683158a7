"""The groups in one table: numbers, paired differences from the base, verdicts; and what differs in
their configurations. Two uses of one component, which ``theme.js`` gives the colors of the arms.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import arms, forest, words
from pages.parts.sheet import SCRIPTS, data_rows, source
from trainer import provenance, sidebyside
from trainer.datasets import DATASETS
from trainer.measure import Measure
from trainer.statistics import WORDS

if TYPE_CHECKING:
    from pages.parts.compare_scene import Scene
    from trainer.comparing import Summary
    from trainer.sidebyside import Judged
    from trainer.statistics import Comparison

FILE = "Comparison"  # how the names of saved files begin

component = st.components.v2.component(
    "trickboard_compare",
    html=forest.HTML,
    css=source("menu.css", "forest.css", "compare.css"),
    js=source(*SCRIPTS),
    isolate_styles=False,
)


def groups_table(scene: Scene) -> None:
    component(key="compare_groups", data={"html": table(scene), "name": FILE})


def configuration(scene: Scene) -> None:
    component(key="compare_settings", data={"html": settings_table(scene), "name": FILE})


def table(scene: Scene) -> str:
    """The whole table as HTML; names are escaped."""
    numbers = Measure(accuracy=scene.accuracy)
    compared = [one.comparison for one in scene.beside if one.comparison]
    scale = forest.Scale(
        [end for one in compared for end in forest.reach(one)], 100.0 if scene.accuracy else 1.0
    )
    summary = "; ".join(numbers.spelled(one) for one in compared)
    base = escape(scene.names[scene.base.key])
    about = "points" if scene.accuracy else "test loss"
    head = (
        f"<th scope='col'>group</th><th scope='col' class='right'>n</th>"
        f"<th scope='col' class='right'>{numbers.title}</th>"
        "<th scope='col' class='right wide'>SD</th><th scope='col' class='right wide'>range</th>"
    )
    foot = "<td></td><td></td><td></td><td class='wide'></td><td class='wide'></td>"
    if compared:
        head += (
            f"<th scope='col' class='middle'>{about} above or below {base}</th>"
            "<th scope='col' class='right'>difference</th>"
        )
        foot += f"<td class='plot'>{forest.axis(scale)}</td><td></td>"
    head += "<th scope='col' class='right wide'>seconds</th>"
    head += "<th scope='col' class='verdict'>verdict</th>"
    rows = "".join(row(scene, one, numbers, scale if compared else None) for one in scene.beside)
    said = f"Differences from {base}: {escape(summary)}." if compared else "Groups of runs."
    feet = (
        f"<tfoot aria-hidden='true'><tr>{foot}<td class='wide'></td><td class='verdict'></td></tr>"
        "</tfoot>"
        if compared
        else ""
    )
    title = f"Differences from {scene.names[scene.base.key]}" if compared else "Groups"
    behind = f" {data_rows(seed_rows(compared, scene.accuracy))}" if compared else ""
    return (
        f"<figure data-title='{escape(title, True)}' data-x='seed'{behind}>"
        f"<table><caption>{said}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        f"{feet}</table><p>{escape(legend(scene, numbers))}</p></figure>"
    )


def seed_rows(compared: list[Comparison], accuracy: bool) -> list[list[Any]]:
    """The numbers of the plot: every seed's difference, and the mean with its interval."""
    factor = 100.0 if accuracy else 1.0
    rows: list[list[Any]] = []
    for one in compared:
        rows += [
            [one.arm, "difference", seed, factor * delta, None, None]
            for seed, delta in zip(one.seeds, one.deltas, strict=True)
        ]
        ends = [None if end is None else factor * end for end in (one.mean, one.low, one.high)]
        rows.append([one.arm, "mean difference", None, *ends])
    return rows


def row(scene: Scene, one: Judged, numbers: Measure, scale: forest.Scale | None) -> str:
    group, number = one.group, scene.numbers[one.group.key]
    summary = group.summary(scene.metric)
    word, why = verdict(scene, one)
    name = scene.names[group.key]
    breaks = " class='long'" if len(name) > forest.LONG else ""
    cells = [
        f"<th scope='row'{breaks}><span class='tb-arm'>{arms.swatch(number)}<span>"
        f"{escape(name)}<small class='under'><b>{word}</b> {escape(why)}</small>"
        f"{marks(one)}</span></span></th>",
        f"<td class='right'>{count(one, summary)}</td>",
        f"<td class='right'>{mean(summary, numbers)}</td>",
        f"<td class='right wide'>{spread(summary, numbers)}</td>",
        f"<td class='right wide'>{reach(summary, numbers)}</td>",
    ]
    if scale is not None:
        margin = next((c.comparison.margin for c in scene.fair if c.comparison), 0.0)
        picture = forest.plot(*forest.sign(number), one.comparison, margin, scale)
        cells += [
            f"<td class='plot'>{picture}</td>",
            f"<td class='right'>{difference(scene, one, numbers)}</td>",
        ]
    seconds = words.NOTHING if summary.seconds is None else words.number(summary.seconds, 1)
    cells += [
        f"<td class='right wide'>{seconds}</td>",
        f"<td class='verdict'><b>{word}</b><small>{escape(why)}</small></td>",
    ]
    return f"<tr{' class=apart' if one.refused else ''}>{''.join(cells)}</tr>"


def count(one: Judged, summary: Summary) -> str:
    """n finished runs, and of how many if not all of them are."""
    total = len(one.group.entries)
    return f"{summary.n} <small>of {total}</small>" if summary.n < total else str(summary.n)


def mean(summary: Summary, numbers: Measure) -> str:
    if summary.mean is None:
        return words.NOTHING
    text = numbers.value(summary.mean, summary.n)
    if summary.half is None:
        return text
    return f"{text} <small>± {numbers.value(summary.half, summary.n)}</small>"


def spread(summary: Summary, numbers: Measure) -> str:
    return words.NOTHING if summary.sd is None else numbers.value(summary.sd, summary.n)


def reach(summary: Summary, numbers: Measure) -> str:
    if summary.low is None or summary.high is None:
        return words.NOTHING
    if summary.n == 1:
        return numbers.value(summary.low, 1)
    low, high = (numbers.value(one, summary.n) for one in (summary.low, summary.high))
    return f"{low} to {high}"


def difference(scene: Scene, one: Judged, numbers: Measure) -> str:
    """The mean difference and its interval; its n where that is not the n of both groups."""
    found = one.comparison
    if found is None or found.mean is None:
        return words.NOTHING if found else ""
    text = f"<b>{numbers.difference(found.mean, found.n)}</b>"
    if found.low is not None and found.high is not None:
        low, high = (numbers.difference(end, found.n) for end in (found.low, found.high))
        text += f"<small>{low} to {high}</small>"
    counts = {len(group.finished(scene.metric)) for group in (one.group, scene.base)}
    return text if counts == {found.n} else f"{text}<small>n = {found.n}</small>"


def verdict(scene: Scene, one: Judged) -> tuple[str, str]:
    """The word, and below it small why."""
    if one.group is scene.base:
        return "", "the others are measured against it" if scene.fair else "on its own"
    if one.refused:
        return "not comparable", "; ".join(item.text for item in one.refused[:2])
    found = one.comparison
    if found is None or scene.base.active or one.group.active:
        return "too early", "its runs go on"
    word = WORDS[found.verdict]
    if found.verdict in ("better", "worse") and found.p is not None:
        return word, words.p_sentence(found.p)
    if found.verdict == "no_difference":
        size = words.number(100 * found.margin) if scene.accuracy else words.short(found.margin, 2)
        return word, f"within ± {size}{' points' if scene.accuracy else ''}"
    more = (found.needed or 0) - found.n
    if more > 0:
        return word, f"{words.count(more, 'more seed')} would"
    return word, words.p_sentence(found.p) if found.p is not None and found.n > 1 else ""


def marks(one: Judged) -> str:
    """Under the name: what differs by design, what went wrong."""
    parts = []
    if asked := one.by_design:
        text = "; ".join(item.text for item in asked)
        parts.append(f"<small class='design'>by design: {escape(text)}</small>")
    lost = [
        words.count(number, f"{state} run")
        for state in ("diverged", "failed")
        if (number := sum(entry.run.state == state for entry in one.group.entries))
    ]
    if lost:
        parts.append(f"<small class='lost'>{', '.join(lost)}</small>")
    return "".join(parts)


def legend(scene: Scene, numbers: Measure) -> str:
    """What the numbers, dots and bars are; once, under the table."""
    parts = ["± is half the 95 % t interval of the mean over n finished runs, SD their deviation."]
    if any(one.group.mixed for one in scene.beside):
        parts.append("A group that mixes settings has no ±: its runs are no sample of one thing.")
    compared = [one.comparison for one in scene.beside if one.comparison]
    if not compared:
        return " ".join(parts)
    holm = f", Holm over {len(compared)} comparisons" if len(compared) > 1 else ""
    parts.append(
        "A dot is one seed that both groups completed, the bar the 95 % t interval of the mean "
        f"paired difference; p: exact sign-flip test{holm}."
    )
    margin = compared[0].margin
    if scene.accuracy and margin:
        images = DATASETS[scene.base.settings["dataset"][0]].test_size
        zone = f"± {words.number(100 * margin)} points"
        floor = sidebyside.margin_of([scene.base], scene.metric) is None
        why = f"all that {images:,} test images can tell apart" if floor else "the margin asked for"
        parts.append(f"Gray zone: {zone}, {why}.")
    if not scene.accuracy:
        parts.append("Below zero is better.")
    homes = {row.id: row for one in scene.beside for row in one.group.homes}.values()
    if len(homes) > 1:
        parts.append("p counts the comparisons shown here, not those that were looked at before.")
    if late := sum(bool(row.added) for row in homes):
        parts.append(
            f"Seeds were added to {words.count(late, 'experiment')} after looking: read p values "
            "and intervals as too hopeful."
        )
    shown = [entry.run.id for one in scene.beside for entry in one.group.entries]
    if unlike := provenance.unlike([scene.made[id] for id in shown if id in scene.made]):
        parts.append(unlike)
    if any(item.kind == "seconds" for one in scene.beside for item in one.differences):
        parts.append("Seconds were taken on different devices and cannot be compared.")
    return " ".join(parts)


def settings_table(scene: Scene) -> str:
    """A column for each group, a row for each setting; what differs is bold, tinted and first."""
    groups = scene.groups
    rows = sidebyside.configuration(groups)
    every = [*rows, *sidebyside.trained_with(groups, scene.made)]
    every.sort(key=lambda one: not one.differs)
    shown = [one for one in every if one.differs] if scene.wish.only else every
    detailed = len({one.name for one in groups}) < len(groups)
    head = "".join(
        f"<th scope='col'><span class='tb-arm'>{arms.swatch(scene.numbers[one.key])}"
        f"<span>{escape(one.name)}{f'<small>{escape(one.detail)}</small>' if detailed else ''}"
        "</span></span></th>"
        for one in groups
    )
    body = "".join(
        f"<tr{' class=differs' if one.differs else ''}><th scope='row'>{escape(one.title)}"
        f"{'<span class=tb-hidden>, differs</span>' if one.differs else ''}</th>"
        + "".join(f"<td>{escape(value)}</td>" for value in one.values)
        + "</tr>"
        for one in shown
    )
    differing = sum(one.differs for one in rows)
    said = f"{differing} of {len(rows)} settings differ between {len(groups)} groups"
    if not shown:
        return "<p>The groups do not differ in any setting or knob.</p>"
    return (
        "<figure data-title='Settings'><div class='tb-config' tabindex='0' role='region' "
        f"aria-label='Settings of the groups'><table><caption>{said}.</caption>"
        f"<thead><tr><th scope='col'>{said}</th>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div></figure>"
    )
