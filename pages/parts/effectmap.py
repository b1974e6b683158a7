"""What each trick does in a design of combinations: a small forest of effects, and a heat map.

Effects belong to no arm, so they are drawn in ink. The heat map's two hues, orange and violet, say
more and less than the sum; they stay apart for every kind of sight.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from pages.parts import arms, words
from pages.parts.forest import Scale, axis, plot
from pages.parts.sheet import data_rows, sheet
from trainer.effects import Effect, effects, factorial_of, indistinguishable, main_and_pairs
from trainer.results import finals
from trainer.statistics import ALPHA, minimum_seeds

if TYPE_CHECKING:
    from pages.parts.reader import Look
    from pages.parts.results import Results
    from trainer.effects import Term

INK = "var(--st-text-color)"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOST_PAIRS = 8  # in the forest; the heat map has all
STRONGEST = 60  # percent of the hue in the cell of the largest interaction


@dataclass(frozen=True, kw_only=True)
class Known:
    """The effects of an experiment. ``groups`` are terms that its arms cannot tell apart."""

    names: list[str]
    count: int  # of arms
    by_term: dict[Term, Effect]
    groups: list[list[Term]]
    sign: int  # 1 if more is better

    @property
    def n(self) -> int:
        return self.by_term[0,].n

    def name(self, term: Term) -> str:
        return " × ".join(self.names[i] for i in term)

    def shown(self) -> list[list[Term]]:
        """The groups in the order of the forest: tricks from the best, pairs by their size."""
        mains = [one for one in self.groups if len(one[0]) == 1]
        mains.sort(key=lambda one: -self.sign * (self.by_term[one[0]].mean or 0.0))
        pairs = [one for one in self.groups if len(one[0]) == 2]
        pairs.sort(key=lambda one: -abs(self.by_term[one[0]].mean or 0.0))
        return [*mains, *pairs[:MOST_PAIRS]]


def effect_map(look: Look, results: Results, known: Known) -> None:
    """Draw both figures."""
    sheet(figures(known, results), key="effects", name=look.row.name)


def known_effects(look: Look) -> Known | None:
    """The effects of the primary metric on the seeds that are finished in all arms.

    None if there is no such seed, or if the arms are no design of combinations.
    """
    experiment = look.row.experiment
    found = factorial_of(experiment)
    if found is None:
        return None
    names, rows = found
    values = finals(look.row, look.runs)
    own = effects(names, rows, [values[arm.name] for arm in experiment.arms])
    if not own[0].n:
        return None
    return Known(
        names=names,
        count=len(rows),
        by_term=dict(zip(main_and_pairs(len(names)), own, strict=True)),
        groups=indistinguishable(rows),
        sign=1 if experiment.metric == "test_accuracy" else -1,
    )


def figures(known: Known, results: Results) -> str:
    """Both as HTML; names are escaped."""
    return f"<div class='effects'>{forest(known, results)}{heat(known, results)}</div>"


def resolved(effect: Effect, known: Known) -> bool:
    """Whether both tests see it, with enough seeds for so many effects."""
    if effect.p is None or effect.low is None or effect.high is None:
        return False
    enough = effect.n >= minimum_seeds(len(known.groups))
    return enough and effect.p < ALPHA and (effect.low > 0 or effect.high < 0)


def sentence(known: Known, results: Results) -> str:
    """What the effects say, in markdown: tricks that help on average, pairs that are no sum."""
    needed = minimum_seeds(len(known.groups))
    if known.n < needed:
        return (
            f"Too few seeds for a verdict on {len(known.groups)} effects: "
            f"{known.n} of the {needed} that they need."
        )
    said: dict[str, list[str]] = {"better": [], "worse": [], "not resolved": []}
    for group in known.groups:
        effect = known.by_term[group[0]]
        if len(group[0]) == 1:
            word = "better" if known.sign * (effect.mean or 0.0) > 0 else "worse"
            said[word if resolved(effect, known) else "not resolved"].append(known.name(group[0]))
    parts = []
    for word, names in said.items():
        if names:
            listed = words.listed([f"**{words.plain(one)}**" for one in names])
            be = "is" if len(names) == 1 else "are"
            average = "" if word == "not resolved" else " on average over the other tricks"
            parts.append(f"**{listed[2:3].upper()}{listed[3:]} {be} {word}{average}.")
    parts += [pair(group, known, results) for group in known.groups if len(group[0]) == 2]
    return " ".join(one for one in parts if one)


def pair(group: list[Term], known: Known, results: Results) -> str:
    """A sentence for an interaction that is resolved and is that of one pair; else nothing."""
    effect = known.by_term[group[0]]
    if len(group) > 1 or not resolved(effect, known) or effect.mean is None:
        return ""
    both = words.listed([f"**{words.plain(one)}**" for one in effect.term])
    way = "more" if effect.mean > 0 else "less"
    size = results.difference(abs(effect.mean), effect.n).lstrip("+")
    return f"Together {both} give {size} {results.unit} {way} than the sum of their effects."


def forest(known: Known, results: Results) -> str:
    """A row for each effect: dots, interval and mean, the numbers, p."""
    factor = 100.0 if results.accuracy else 1.0
    shown = [known.by_term[group[0]] for group in known.shown()]
    ends = [end for one in shown for end in (*one.deltas, one.low, one.high) if end is not None]
    scale = Scale(ends, factor)
    rows = [row(group, known, results, scale) for group in known.shown()]
    left = len(known.groups) - len(rows)
    more = f" {words.count(left, 'smaller interaction')} in the map." if left else ""
    holm = f"Holm over {words.count(len(known.groups), 'effect')}"
    return (
        f"<figure class='tb-effects' data-title='Effects' data-x='seed' "
        f"{data_rows(csv(known, factor))}><figcaption><b>Effects</b><span>{results.unit}, 95 % t "
        f"interval, n = {known.n}</span></figcaption><table><caption>{escape(said(known, results))}"
        "</caption><thead><tr><th scope='col'>effect</th><th scope='col' class='middle'></th>"
        f"<th scope='col' class='right'>{results.unit}</th><th scope='col' class='right'>p</th>"
        f"</tr></thead><tbody>{''.join(rows)}</tbody><tfoot aria-hidden='true'><tr><td></td>"
        f"<td class='plot'>{axis(scale)}</td><td></td><td></td></tr></tfoot></table>"
        "<p>A trick: with it minus without it, over all combinations of the others. A pair: by how "
        "much the effect of one is larger when the other is there. A dot is one seed. "
        f"p: exact sign-flip test, {holm}.{more}</p></figure>"
    )


def row(group: list[Term], known: Known, results: Results, scale: Scale) -> str:
    effect = known.by_term[group[0]]
    shape = arms.SHAPES["circle" if len(group[0]) == 1 else "diamond"]
    others = words.listed([known.name(one) for one in group[1:]], "or")
    under = f"<small>or {escape(others)}</small>" if others else ""
    value = words.NOTHING
    if effect.mean is not None:
        value = f"<b>{results.difference(effect.mean, effect.n)}</b>"
    if effect.low is not None and effect.high is not None:
        low, high = (results.difference(end, effect.n) for end in (effect.low, effect.high))
        value += f"<small>{low} to {high}</small>"
    p = "" if effect.p is None else words.p_value(effect.p)
    name = escape(known.name(group[0]))
    return (
        f"<tr><th scope='row'>{name}{under}</th>"
        f"<td class='plot'>{plot(INK, shape, effect, 0.0, scale)}</td>"
        f"<td class='right'>{value}</td><td class='right'>"
        f"{f'<b>{p}</b>' if resolved(effect, known) else p}</td></tr>"
    )


def said(known: Known, results: Results) -> str:
    """The effects in words, for people who cannot see them."""
    parts = []
    for group in known.shown():
        effect = known.by_term[group[0]]
        if effect.mean is None:
            continue
        text = f"{known.name(group[0])} {results.difference(effect.mean, effect.n)} {results.unit}"
        if effect.low is not None and effect.high is not None:
            low, high = (results.difference(end, effect.n) for end in (effect.low, effect.high))
            text += f", 95 % interval {low} to {high}"
        parts.append(text)
    return f"Effects, n = {known.n}: {'; '.join(parts)}."


def csv(known: Known, factor: float, *, seeds: bool = True) -> list[list[Any]]:
    """Every effect with its interval, and its value in every seed."""
    rows: list[list[Any]] = []
    for term, effect in known.by_term.items():
        kind = "main effect" if len(term) == 1 else "interaction"
        pairs = zip(effect.seeds, effect.deltas, strict=True) if seeds else ()
        rows += [[known.name(term), kind, seed, factor * one, None, None] for seed, one in pairs]
        ends = (effect.mean, effect.low, effect.high)
        scaled = [None if one is None else factor * one for one in ends]
        rows.append([known.name(term), f"mean {kind}", None, *scaled])
    return rows


def heat(known: Known, results: Results) -> str:
    """A cell for every pair, the main effects on the diagonal; what is aliased in words below."""
    count = len(known.names)
    pairs = [effect for term, effect in known.by_term.items() if len(term) == 2]
    most = max((abs(one.mean or 0.0) for one in pairs), default=0.0) or 1.0
    head = "".join(
        f"<th scope='col' title='{escape(name, True)}'>{letter(i)}</th>"
        for i, name in enumerate(known.names)
    )
    body = "".join(
        f"<tr><th scope='row'><b>{letter(i)}</b> {escape(name)}</th>"
        + "".join(cell(i, j, known, results, most) for j in range(count))
        + "</tr>"
        for i, name in enumerate(known.names)
    )
    title = "Interactions"
    numbers = csv(known, 100.0 if results.accuracy else 1.0, seeds=False)
    return (
        f"<figure class='tb-heat' data-title='{title}' data-x='x' "
        f"{data_rows(numbers)}><figcaption><b>{title}</b>"
        f"<span>{results.unit}, mean, n = {known.n}</span></figcaption>"
        f"<table class='heat'><caption>By how much two tricks together give more or less than the "
        f"sum, {results.unit}; on the diagonal the effect of one. n = {known.n}.</caption>"
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"
        "<ul class='key'><li><i class='more'></i>more than the sum</li>"
        "<li><i class='less'></i>less</li><li><i class='own'></i>one trick's own effect</li>"
        f"<li><b>bold</b>&nbsp;is resolved</li></ul>{aliased(known)}</figure>"
    )


def letter(i: int) -> str:
    return LETTERS[i] if i < len(LETTERS) else str(i + 1)


def cell(i: int, j: int, known: Known, results: Results, most: float) -> str:
    effect = known.by_term[(i,) if i == j else (min(i, j), max(i, j))]
    if effect.mean is None:
        return f"<td>{words.NOTHING}</td>"
    text = results.difference(effect.mean, effect.n)
    text = f"<b>{text}</b>" if resolved(effect, known) else text
    tip = f"{' × '.join(effect.term)}: {results.difference(effect.mean, effect.n)} {results.unit}"
    if effect.low is not None and effect.high is not None:
        low, high = (results.difference(end, effect.n) for end in (effect.low, effect.high))
        tip += f", 95 % interval {low} to {high}"
    if effect.p is not None:
        tip += f", {words.p_sentence(effect.p)}"
    tip = escape(f"{tip}, n = {effect.n}", True)
    if i == j:
        return f"<td class='own' title='{tip}'>{text}</td>"
    shade = round(STRONGEST * abs(effect.mean) / most)
    hue = "more" if effect.mean > 0 else "less"
    paint = f"background:color-mix(in srgb, var(--tb-{hue}) {shade}%, transparent)"
    return f"<td style='{paint}' title='{tip}'>{text}</td>"


def aliased(known: Known) -> str:
    """What a fraction cannot tell apart, in words."""
    groups = [one for one in known.groups if len(one) > 1]
    if not groups:
        return ""
    lines = [
        f"{escape(known.name(first))} cannot be told from "
        f"{escape(words.listed([known.name(one) for one in others], 'or'))}"
        for first, *others in groups
    ]
    tricks = words.count(len(known.names), "trick")
    return f"<p>With {tricks} in {known.count} arms {'; '.join(lines)}.</p>"
