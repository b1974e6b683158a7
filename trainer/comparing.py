"""Runs of any experiments side by side: put into groups, described, and judged where it is fair.

Pure functions of what the store gives. A run that several experiments share counts once. A group
is what the keys of a grouping say: ``arm`` (equal tricks with equal knobs), ``experiment``, ``all``
(all but the seed), any setting of the setup (``lr``, ``network.depth``), a knob (``dropout.p``) or
a trick (``dropout``: with or without it). Groups are compared with one of them, the base, paired by
seed; :mod:`trainer.differences` says when no verdict may be given.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from trainer import differences
from trainer.differences import Difference
from trainer.differences import unfair as unfair
from trainer.experiment import identity
from trainer.groupnames import ALL, ARM, EXPERIMENT, named
from trainer.statistics import arm_interval
from tricks.own import version

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trainer.experiment import Arm, Experiment
    from trainer.rows import ExperimentRow, RunRow


METRICS = ("test_accuracy", "test_loss")
ACTIVE = ("waiting", "running")

Knobs = dict[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Recipe:
    """An arm in the setup of an experiment: all that decides a run but its seed."""

    name: str
    settings: Mapping[str, Any]
    tricks: Mapping[str, Knobs]  # by id, with every knob
    lr_scale: float

    @cached_property
    def arm(self) -> str:
        """The same text for arms of the same content."""
        return json.dumps([self.tricks, self.lr_scale], sort_keys=True)

    @cached_property
    def all(self) -> str:
        return json.dumps([self.arm, dict(self.settings)], sort_keys=True)

    def value(self, key: str) -> Any:
        """What a key of a grouping is here; None for a knob of a trick that is not there."""
        if key in self.settings:
            return self.settings[key]
        trick, _, knob = key.partition(".")
        held = self.tricks.get(trick)
        if knob:
            return None if held is None else held.get(knob)
        return held is not None


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One run, and every experiment in which it stands."""

    run: RunRow
    recipe: Recipe
    homes: tuple[ExperimentRow, ...]
    current: bool | None  # trained by the present engine; None: its tricks do not let us know


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A metric over the finished runs of a group; what too few runs leave unknown is None.

    ``half`` is half the 95 % t interval of the mean, not known for a group that is mixed: its runs
    are no sample of one thing. ``seconds`` is the mean training time.
    """

    n: int
    mean: float | None
    half: float | None
    sd: float | None
    low: float | None
    high: float | None
    seconds: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """Runs that a grouping puts together. ``key`` is 8 hex digits that stay the same."""

    key: str
    name: str
    detail: str  # what the grouping says beside the name: ``400 examples, rate 0.1``
    entries: tuple[Entry, ...]

    @property
    def label(self) -> str:
        """Name and detail: no two groups of a grouping have the same."""
        return f"{self.name}, {self.detail}" if self.detail else self.name

    @cached_property
    def settings(self) -> dict[str, list[Any]]:
        """The values of every setting, without repeats."""
        recipes = distinct(self.entries)
        keys = dict.fromkeys(key for one in recipes for key in one.settings)
        return {key: unique(one.settings.get(key) for one in recipes) for key in keys}

    @cached_property
    def mixed(self) -> list[Difference]:
        """What the group is not one thing in: a setting, or its arm."""
        found = [
            differences.mixed(key, values, self.label)
            for key, values in self.settings.items()
            if len(values) > 1 and key != "device"
        ]
        arms = len({one.arm for one in distinct(self.entries)})
        if arms > 1:
            text = f"{self.label} mixes {arms} arms"
            found.insert(0, Difference(key=ARM, kind="mixed", text=text))
        return found

    @cached_property
    def metrics(self) -> set[str]:
        """What its experiments were launched to be judged by."""
        return {row.experiment.metric for row in self.homes}

    @cached_property
    def homes(self) -> list[ExperimentRow]:
        """The experiments in which its runs stand."""
        return list({row.id: row for entry in self.entries for row in entry.homes}.values())

    @cached_property
    def engines(self) -> set[bool]:
        """Whether its runs are the present engine's, as far as that is known."""
        return {one.current for one in self.entries if one.current is not None}

    @cached_property
    def devices(self) -> list[str]:
        return sorted({one.run.device for one in self.entries if one.run.device})

    @cached_property
    def ids(self) -> set[str]:
        return {one.run.id for one in self.entries}

    @cached_property
    def seeds(self) -> set[int]:
        return {one.run.seed for one in self.entries}

    @property
    def active(self) -> bool:
        """Whether something can still happen in it by itself."""
        return any(one.run.state in ACTIVE for one in self.entries)

    def finished(self, metric: str) -> list[Entry]:
        return [
            one
            for one in self.entries
            if one.run.state == "done" and math.isfinite(one.run.metrics.get(metric, math.nan))
        ]

    def finals(self, metric: str) -> dict[int, float]:
        """The final metric by seed. Of a mixed group a seed has one of several values."""
        return {one.run.seed: one.run.metrics[metric] for one in self.finished(metric)}

    def summary(self, metric: str) -> Summary:
        done = self.finished(metric)
        values = [one.run.metrics[metric] for one in done]
        times = [one.run.seconds for one in done if one.run.seconds is not None]
        interval = arm_interval(dict(enumerate(values)))
        half = None
        if interval.high is not None and interval.mean is not None and not self.mixed:
            half = interval.high - interval.mean
        return Summary(
            n=len(values),
            mean=interval.mean,
            half=half,
            sd=stdev(values) if len(values) > 1 else None,
            low=min(values, default=None),
            high=max(values, default=None),
            seconds=fmean(times) if times else None,
        )


def entries(found: Sequence[tuple[ExperimentRow, Sequence[RunRow]]]) -> list[Entry]:
    """Every run once, in the order of the experiments, their arms and seeds."""
    first: dict[str, tuple[RunRow, Recipe, bool | None]] = {}
    homes: dict[str, dict[str, ExperimentRow]] = {}
    for row, runs in found:
        recipes = recipes_of(row.experiment)
        engines = engines_of(row.experiment, runs)
        for run in runs:
            if run.id not in first:
                first[run.id] = run, recipes[run.arm], engines[run.arm]
            homes.setdefault(run.id, {})[row.id] = row
    return [
        Entry(run=run, recipe=recipe, homes=tuple(homes[id].values()), current=current)
        for id, (run, recipe, current) in first.items()
    ]


def recipes_of(experiment: Experiment) -> list[Recipe]:
    settings = differences.settings_of(experiment.setup)
    return [
        Recipe(
            name=arm.name, settings=settings, tricks=tricks_of(arm), lr_scale=arm.lr_scale
        )
        for arm in experiment.arms
    ]  # fmt: skip


def tricks_of(arm: Arm) -> dict[str, Knobs]:
    """The tricks of an arm with all their knobs; of one that is gone, those that were given."""
    found = {}
    for choice in arm.tricks:
        made = choice.remade()
        found[choice.id] = dict(choice.knobs) if made is None else made.values()
    return found


def engines_of(experiment: Experiment, runs: Sequence[RunRow]) -> dict[int, bool | None]:
    """For each arm whether the present engine would train its runs: ids are hashes that say so.

    The oldest and the newest run of an arm speak for those between.
    """
    found: dict[int, bool | None] = {}
    for i, arm in enumerate(experiment.arms):
        own = [run for run in runs if run.arm == i]
        if own:
            told = [is_current(experiment, arm, run) for run in (own[0], own[-1])]
            found[i] = told[0] if told[0] == told[1] else False
    return found


def is_current(experiment: Experiment, arm: Arm, run: RunRow) -> bool | None:
    """Whether a run's id is what it would be today.

    None: it holds a trick that is gone, or one of one's own, which may have been edited since.
    """
    made = [choice.remade() for choice in arm.tricks]
    if any(one is None or version(type(one)) is not None for one in made):
        return None
    return identity(experiment.setup, arm, run.seed) == run.id


def keys_of(found: Sequence[Entry]) -> list[str]:
    """By what these runs can be grouped: the settings and knobs that vary come first."""
    recipes = distinct(found)
    settings = list(dict.fromkeys(key for one in recipes for key in one.settings))
    tricks = list(dict.fromkeys(id for one in recipes for id in one.tricks))
    knobs = list(dict.fromkeys(f"{id}.{name}" for one in recipes for id, held in one.tricks.items()
                               for name in held))  # fmt: skip
    keys = [*settings, *knobs, *tricks]
    varies = {key: len(unique(one.value(key) for one in recipes)) > 1 for key in keys}
    return [ARM, EXPERIMENT, ALL, *sorted(keys, key=lambda key: not varies[key])]


def usual_keys(found: Sequence[Entry]) -> tuple[str, ...]:
    """By arm, as long as all runs have one setup; else by all but the seed."""
    setups = {json.dumps(dict(one.settings), sort_keys=True) for one in distinct(found)}
    return (ARM,) if len(setups) < 2 else (ALL,)


def grouped(found: Sequence[Entry], keys: Sequence[str]) -> list[Group]:
    """The groups: numbers ascending, without the trick first; all else as it comes.

    A run that two experiments share stands in the groups of both, when grouped by experiment.
    """
    homes = {row.id: row for entry in found for row in entry.homes}
    places = {id: place for place, id in enumerate(homes)}
    seen: dict[str, int] = {}
    members: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in found:
        for home in entry.homes if EXPERIMENT in keys else entry.homes[:1]:
            members.setdefault(values_of(entry, home, keys), []).append(entry)

    def place(value: Any) -> tuple[float, float]:
        if value is None or value is False:
            return (-math.inf, 0)
        if isinstance(value, int | float):
            return (float(value), 0)
        return (0, places.get(value, seen.setdefault(value, len(seen))))

    order = sorted(members, key=lambda values: [place(one) for one in values])
    varying = [key for key, values in all_settings(found).items() if len(values) > 1]
    titles = {id: row.name for id, row in homes.items()}
    recipes = [members[values][0].recipe for values in order]
    labels = named(recipes, order, keys, varying, titles)
    return [
        Group(key=digest(keys, values), name=name, detail=detail, entries=tuple(members[values]))
        for values, (name, detail) in zip(order, labels, strict=True)
    ]


def values_of(entry: Entry, home: ExperimentRow, keys: Sequence[str]) -> tuple[Any, ...]:
    known = {ARM: entry.recipe.arm, ALL: entry.recipe.all, EXPERIMENT: home.id}
    return tuple(known[key] if key in known else entry.recipe.value(key) for key in keys)


def digest(keys: Sequence[str], values: Sequence[Any]) -> str:
    text = json.dumps([list(keys), list(values)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def all_settings(found: Sequence[Entry]) -> dict[str, list[Any]]:
    return Group(key="", name="", detail="", entries=tuple(found)).settings


def distinct(found: Collection[Entry]) -> list[Recipe]:
    return list({id(one.recipe): one.recipe for one in found}.values())


def unique(values: Any) -> list[Any]:
    """Without repeats, in their order."""
    return list({json.dumps(one, sort_keys=True): one for one in values}.values())
