"""Groups of runs beside one of them: what may be said, in which words, and what differs.

Pure functions of the groups that :mod:`trainer.comparing` makes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trainer import differences, provenance, words
from trainer.comparing import distinct, unique
from trainer.datasets import DATASETS
from trainer.differences import Difference
from trainer.groupnames import ALL, ARM, EXPERIMENT, trick_words
from trainer.sentences import be, escape, listed
from trainer.statistics import compare

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trainer.comparing import Group
    from trainer.provenance import Made
    from trainer.statistics import Comparison, Verdict

METRICS = {"test_accuracy": "test accuracy", "test_loss": "test loss"}
MOST_NAMES = 4  # groups that a sentence names


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A group beside the base: in what they differ, and the comparison if it is fair."""

    group: Group
    differences: list[Difference] = field(default_factory=list)
    comparison: Comparison | None = None

    @property
    def refused(self) -> list[Difference]:
        """Why there is no verdict; empty if there is one."""
        return [one for one in self.differences if one.grave]

    @property
    def by_design(self) -> list[Difference]:
        return [one for one in self.differences if one.by_design]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A setting or a knob, with its value in every group, in words."""

    title: str
    values: tuple[str, ...]
    differs: bool


def metric_of(groups: Sequence[Group]) -> str:
    """What the experiments of all groups were launched to be judged by; accuracy if they differ."""
    metrics = set().union(*(one.metrics for one in groups))
    return metrics.pop() if len(metrics) == 1 else "test_accuracy"


def judged(
    groups: Sequence[Group],
    base: Group,
    *,
    metric: str,
    by_design: Collection[str] = (),
    chosen_metric: bool = False,
) -> list[Judged]:
    """Every group beside ``base``, in their order. Holm goes over those that may be compared.

    ``by_design``: keys of the setup whose difference is the question. ``chosen_metric``: a person
    asked for this metric, so that experiments judged by different ones may be compared.
    """
    found = {
        one.key: between_groups(base, one, by_design=by_design, chosen_metric=chosen_metric)
        if one is not base
        else []
        for one in groups
    }
    fair = [one for one in groups if one is base or not any(d.grave for d in found[one.key])]
    dataset = base.settings["dataset"][0]
    compared = compare(
        {one.key: one.finals(metric) for one in fair},
        baseline=base.key,
        metric=metric,
        images=DATASETS[dataset].test_size,
        margin=margin_of(fair, metric),
    )
    by_key = {one.arm: one for one in compared}
    names = names_of(fair)
    return [
        Judged(
            group=one,
            differences=found[one.key],
            comparison=replace(known, arm=names[one.key])
            if (known := by_key.get(one.key))
            else None,
        )
        for one in groups
    ]


def names_of(groups: Sequence[Group]) -> dict[str, str]:
    """What to call these groups: by name alone where nothing else tells them apart."""
    short = len({one.detail for one in groups}) == 1
    return {one.key: one.name if short else one.label for one in groups}


def margin_of(groups: Sequence[Group], metric: str) -> float | None:
    """The margin that all experiments agree on, where they are judged by this metric."""
    experiments = [row.experiment for one in groups for row in one.homes]
    margins = {one.margin if one.metric == metric else None for one in experiments}
    return margins.pop() if len(margins) == 1 else None


def between_groups(
    base: Group,
    other: Group,
    *,
    by_design: Collection[str] = (),
    chosen_metric: bool = False,
) -> list[Difference]:
    """In what two groups differ beside their tricks."""
    mixed = [*base.mixed, *other.mixed]
    muddled = {one.key for one in mixed}
    first, second = (one.entries[0].recipe.settings for one in (base, other))
    found = [
        one
        for one in differences.between(first, second, by_design)
        if one.key not in muddled and one.kind != "seconds"
    ]
    return [*found, *mixed, *of_runs(base, other), *of_metric(base, other, chosen_metric)]


def of_runs(base: Group, other: Group) -> list[Difference]:
    """What the runs themselves say: the engine, the device, the seeds."""
    found = []
    if len(base.engines | other.engines) > 1:
        text = "trained by different versions of the engine"
        found.append(Difference(key="engine", kind="engine", text=text))
    if base.devices and other.devices and base.devices != other.devices:
        text = f"trained on {' and '.join(base.devices)} against {' and '.join(other.devices)}"
        found.append(Difference(key="device", kind="seconds", text=f"{text}: seconds say nothing"))
    if base.ids == other.ids:
        found.append(Difference(key="seeds", kind="seeds", text="the very same runs"))
    elif not base.seeds & other.seeds:
        found.append(Difference(key="seeds", kind="seeds", text="no seed in common"))
    return found


def of_metric(base: Group, other: Group, chosen: bool) -> list[Difference]:
    one, two = base.metrics, other.metrics
    if one == two and len(one) == 1:
        return []
    names = [" and ".join(METRICS[name] for name in sorted(group)) for group in (one, two)]
    text = f"launched to be judged by {names[0]} against {names[1]}"
    return [Difference(key="metric", kind="metric", text=text, by_design=chosen)]


def sentence(beside: Sequence[Judged], base: Group, metric: str) -> str:
    """What is known now, one or more sentences, as Markdown."""
    others = [one for one in beside if one.group is not base]
    if not others:
        return "One group of runs: there is nothing to compare it with."
    compared = [one.comparison for one in others if one.comparison]
    groups = [base, *(one.group for one in others if one.comparison)]
    names = names_of(groups)
    if not compared:
        return f"Nothing here can be compared with {bold(base.label)}."
    if any(one.active for one in groups):
        return early(groups, metric)
    said = verdicts(compared, names[base.key], metric)
    if lost := [one for one in groups if diverged(one)]:
        who = said_of([names[one.key] for one in lost])
        runs = "run" if sum(diverged(one) for one in lost) == 1 else "runs"
        count = sum(diverged(one) for one in lost)
        said.append(f"{who}: {count} diverged {runs}; differences use the seeds both completed.")
    return " ".join(said)


def early(groups: Sequence[Group], metric: str) -> str:
    complete = [set(one.finals(metric)) for one in groups]
    seeds = set().union(*({entry.run.seed for entry in one.entries} for one in groups))
    shared = len(set.intersection(*complete))
    are = f"{shared} of {len(seeds)} seeds {'is' if shared == 1 else 'are'} complete"
    return f"Too early for a verdict: {are} in every group."


def verdicts(compared: Sequence[Comparison], base: str, metric: str) -> list[str]:
    """A sentence for every word that was given, the strongest first."""

    def named(verdict: Verdict) -> list[str]:
        return [one.arm for one in compared if one.verdict == verdict]

    than = f"than {bold(base)}"
    said = []
    if names := named("better"):
        said.append(f"{said_of(names)} {be(names)} better {than}.")
    if names := named("worse"):
        said.append(f"{said_of(names)} {be(names)} worse{'' if said else ' ' + than}.")
    if names := named("not_resolved"):
        said.append(f"{said_of(names)} {be(names)} not resolved.")
    if names := named("no_difference"):
        verb = "differs" if len(names) == 1 else "differ"
        size = distance(compared[0].margin, metric)
        said.append(f"{said_of(names)} {verb} {size} from {bold(base)}.")
    if names := named("too_few_seeds"):
        has = "has" if len(names) == 1 else "have"
        need = compared[0].needed or max(one.needed or 0 for one in compared)
        said.append(f"{said_of(names)} {has} too few shared seeds for a verdict, which needs "
                    f"{need}.")  # fmt: skip
    if names := named("anecdote"):
        said.append(f"{said_of(names)} {be(names)} an anecdote: one shared seed.")
    return said


def distance(margin: float, metric: str) -> str:
    if margin == 0:
        return "in nothing"
    if metric == "test_accuracy":
        return f"by less than {100 * margin:.1f} points"
    return f"by less than {margin:.2g}"


def said_of(names: Sequence[str]) -> str:
    """The names in bold; of many, how many."""
    return listed(names) if len(names) <= MOST_NAMES else f"**{len(names)} groups**"


def bold(name: str) -> str:
    return f"**{escape(name)}**"


def diverged(group: Group) -> int:
    return sum(one.run.state == "diverged" for one in group.entries)


def configuration(groups: Sequence[Group]) -> list[Row]:
    """Settings, rates and tricks of every group; what differs first."""
    settings = dict.fromkeys(key for one in groups for key in one.settings)
    rows: list[tuple[str, str, list[list[Any]]]] = [
        (differences.title(key), key, [one.settings.get(key, []) for one in groups])
        for key in settings
    ]
    scales = [unique(one.lr_scale for one in distinct(group.entries)) for group in groups]
    if any(own != [1.0] for own in scales):
        rows.append(("Rate times", "", scales))
    rows += [(title, knob, [values(one, trick, knob) for one in groups])
             for title, trick, knob in knobs_of(groups)]  # fmt: skip
    found = [
        Row(
            title=title,
            values=tuple(", ".join(differences.shown(key, v) for v in own) for own in cells),
            differs=any(own != cells[0] for own in cells),
        )
        for title, key, cells in rows
        if any(own != [None] for own in cells)
    ]
    return sorted(found, key=lambda row: not row.differs)


def trained_with(groups: Sequence[Group], made: Mapping[str, Made | None]) -> list[Row]:
    """Versions and machine of every group's ended runs; ``made`` is by the id of a run.

    Nothing to tell is told in one row. What was not recorded differs from nothing.
    """
    own = [[made[one.run.id] for one in group.entries if one.run.id in made] for group in groups]
    if not any(one for runs in own for one in runs):
        return [
            Row(title="Trained with", values=(provenance.UNKNOWN,) * len(groups), differs=False)
        ]
    rows = []
    for key, title in provenance.TITLES.items():
        cells = [provenance.values(runs, key) for runs in own]
        told = [set(one) for one in cells if one]
        texts = [words.listed(one) or provenance.UNKNOWN for one in cells]
        rows.append(Row(title=title, values=tuple(texts), differs=any(t != told[0] for t in told)))
    return rows


def knobs_of(groups: Sequence[Group]) -> list[tuple[str, str, str]]:
    """A row for every knob of every trick, for a trick without knobs one for itself."""
    held: dict[str, dict[str, None]] = {}
    for one in groups:
        for recipe in distinct(one.entries):
            for trick, knobs in recipe.tricks.items():
                held.setdefault(trick, {}).update(dict.fromkeys(knobs))
    return [
        (f"{capital(trick_words(trick))}{f', {knob}' if knob else ''}", trick, knob)
        for trick, knobs in held.items()
        for knob in knobs or [""]
    ]


def values(group: Group, trick: str, knob: str) -> list[Any]:
    recipes = distinct(group.entries)
    if not knob:
        return unique("yes" if trick in one.tricks else None for one in recipes)
    return unique(one.value(f"{trick}.{knob}") for one in recipes)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def on_purpose(keys: Collection[str]) -> list[str]:
    """Those keys of a grouping that make a difference of the setup the question."""
    return [key for key in keys if key not in (ARM, EXPERIMENT, ALL)]
