"""What the comparing page shows at one moment: runs of many experiments, their groups, verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import board, home
from pages.parts.compare_address import EVERY, LATEST
from pages.parts.compare_made import made_of
from pages.parts.reader import reader_of
from trainer import comparing, sidebyside
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pages.parts.compare_address import Wish
    from pages.parts.reader import Curves, Look, Reader
    from trainer.comparing import Entry, Group
    from trainer.provenance import Made
    from trainer.sidebyside import Judged
    from trainer.store import ExperimentRow

MOST_EXPERIMENTS = 64
MOST_GROUPS = 64


@dataclass(frozen=True, kw_only=True)
class Found:
    """The experiments that an address means: ``missing`` are not in the store, ``cut`` too many."""

    rows: list[ExperimentRow]
    missing: list[str]
    cut: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """Everything on the page. ``beside`` is what is shown: the base first, then the others.

    ``refused`` cannot be compared with the base; ``numbers`` gives each group its color for life,
    ``names`` what to call those that are shown; ``cut`` groups are too many to show; ``made`` is
    what each run that ended was trained with. ``states`` counts runs before the filter on states.
    """

    wish: Wish
    keys: tuple[str, ...]
    metric: str
    entries: list[Entry]
    states: Mapping[str, int]
    groups: list[Group]
    base: Group
    beside: list[Judged]
    refused: list[Judged]
    numbers: Mapping[str, int]
    cut: int
    names: Mapping[str, str]
    curves: Mapping[str, Curves]
    made: Mapping[str, Made | None]
    version: tuple[int, ...]
    active: bool

    @property
    def accuracy(self) -> bool:
        return self.metric == "test_accuracy"

    @property
    def left_out(self) -> dict[str, int]:
        """How many runs of each state the filter on states leaves out."""
        if not set(self.wish.state) & set(board.KINDS):
            return {}
        return {kind: n for kind, n in self.states.items() if kind not in self.wish.state}

    @property
    def fair(self) -> list[Judged]:
        """Those shown that are compared with the base."""
        return [one for one in self.beside if one.comparison]

    @property
    def bare(self) -> bool:
        """Whether nothing can be shown beside the base."""
        return len(self.beside) < 2 and bool(self.refused)


def experiments_of(wish: Wish, known: Sequence[ExperimentRow]) -> Found:
    """Which of the store's experiments, newest first, the wish names."""
    by_id = {row.id: row for row in known}
    wanted: dict[str, ExperimentRow] = {}
    missing = []
    for name in wish.experiments:
        if name == EVERY:
            wanted |= {row.id: row for row in known}
        elif name == LATEST and known:
            wanted[known[0].id] = known[0]
        elif name in by_id:
            wanted[name] = by_id[name]
        else:
            missing.append(name)
    rows = [row for row in wanted.values() if suits(row, wish)]
    return Found(
        rows=rows[:MOST_EXPERIMENTS], missing=missing, cut=max(0, len(rows) - MOST_EXPERIMENTS)
    )


def suits(row: ExperimentRow, wish: Wish) -> bool:
    """Whether data set and network of an experiment pass the filters."""
    setup = row.experiment.setup
    return (not wish.data or setup.dataset in wish.data) and (
        not wish.network or setup.network.kind in wish.network
    )


@st.cache_resource(max_entries=4, show_spinner=False)
def readers_of(path: str, ids: tuple[str, ...], _rows: list[ExperimentRow]) -> list[Reader]:
    """The readers of these experiments, kept together so that none is read twice."""
    return [reader_of(path, row.id, row) for row in _rows]


def readers_for(rows: list[ExperimentRow]) -> list[Reader]:
    """A reader for each experiment, with its row as it is now."""
    readers = readers_of(str(home.store().home), tuple(row.id for row in rows), rows)
    for reader, row in zip(readers, rows, strict=True):
        reader.row = row
    return readers


def scene_of(looks: Sequence[Look], wish: Wish) -> Scene | None:
    """What there is to show; None if no run passes the filters."""
    entries = comparing.entries([(look.row, look.runs) for look in looks])
    entries = [one for one in entries if passes(one, wish)]
    states = state_counts(entries)
    if wanted := set(wish.state) & set(board.KINDS):
        entries = [one for one in entries if one.run.state in wanted]
    if not entries:
        return None
    keys = usable(wish.group, entries) or comparing.usual_keys(entries)
    every = comparing.grouped(entries, keys)
    base = next((one for one in every if one.key == wish.base), every[0])
    groups = shown_of(every, base)
    metric = wish.metric or sidebyside.metric_of(groups)
    judged = sidebyside.judged(
        groups,
        base,
        metric=metric,
        by_design=sidebyside.on_purpose(keys),
        chosen_metric=bool(wish.metric),
    )
    refused = [one for one in judged if one.refused]
    beside = [one for one in judged if wish.apart or not one.refused]
    beside.sort(key=lambda one: one.group is not base)
    return Scene(
        wish=wish,
        keys=keys,
        metric=metric,
        entries=entries,
        states=states,
        groups=groups,
        base=base,
        beside=beside,
        refused=refused,
        numbers=numbers_of(groups, base),
        cut=len(every) - len(groups),
        names=sidebyside.names_of([one.group for one in beside]),
        curves={id: one for look in looks for id, one in look.curves.items()},
        made=made_of(entries),
        version=tuple(look.version for look in looks),
        active=any(look.active for look in looks),
    )


def usable(keys: Sequence[str], entries: Sequence[Entry]) -> tuple[str, ...]:
    """Those keys that these runs can be grouped by."""
    known = comparing.keys_of(entries)
    return tuple(key for key in keys if key in known)


def shown_of(every: Sequence[Group], base: Group) -> list[Group]:
    """Not more groups than a page can show, the base among them."""
    first = list(every[:MOST_GROUPS])
    return first if base in first else [*first[:-1], base]


def numbers_of(groups: Sequence[Group], base: Group) -> dict[str, int]:
    """The color of each group: the base's is 0, and it leaves its own to the first one."""
    numbers = {one.key: i for i, one in enumerate(groups)}
    first = groups[0].key
    numbers[first], numbers[base.key] = numbers[base.key], numbers[first]
    return numbers


def passes(entry: Entry, wish: Wish) -> bool:
    """Whether a run passes the filters. Baselines pass the one for tricks: what else to hold by?"""
    first = any(row.experiment.arms[0].name == entry.recipe.name for row in entry.homes)
    if wish.trick and not first and not set(wish.trick) & entry.recipe.tricks.keys():
        return False
    held = [catalog()[one].card.title for one in entry.recipe.tricks if one in catalog()]
    names = [row.name for row in entry.homes]
    text = " ".join([entry.recipe.name, *names, *held, *entry.recipe.tricks]).casefold()
    return all(word in text for word in wish.text.casefold().split())


def state_counts(entries: Sequence[Entry]) -> dict[str, int]:
    """How many runs are in each state, in the order of the filter."""
    counts = {kind: sum(one.run.state == kind for one in entries) for kind in board.KINDS}
    return {kind: count for kind, count in counts.items() if count}
