"""A store that several people share: what one of them may see and change.

An experiment belongs to whoever launched it. Its runs belong to nobody: a run's id is the hash of
all that decides its outcome, so experiments of several people may need the same one. Hence:

- Everybody reads, stops, continues, renames and extends their own experiments. The host reads and
  changes all, and alone deletes.
- Stopping an experiment ends those of its runs that no other person's experiment still wants. One
  wants its runs until it is stopped itself; that it was stopped stands in ``notes``. So two people
  who share a run have to stop both before it ends, in whichever order. What one person has launched
  twice is stopped at once, as it is where nobody is named.
"""

from __future__ import annotations

import time
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, union

from trainer.limits import WORKSHOP
from trainer.rows import experiment_row
from trainer.schema import experiments, links, notes, runs, trials
from trainer.statements import chunks, counts, linked
from trainer.store import Store, StoreError
from trainer.wanting import NOTE, want, wanted_elsewhere
from tricks import catalog
from tricks.own import FAMILY

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Engine, Select

    from trainer.experiment import Experiment
    from trainer.store import ExperimentRow, RunRow, Trial

SEPARATOR = "#"
NAME = 23  # characters: with the id it fits into experiments.owner


class NotYours(StoreError):
    """Somebody else's experiment, or a right that only the host has; nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who uses a shared store. Names need not be distinct, ids are."""

    name: str  # 1 to 23 characters
    id: str  # 8 hex digits
    host: bool = False

    @property
    def owner(self) -> str:
        """What stands in ``experiments.owner``."""
        return f"{self.name}{SEPARATOR}{self.id}"


def name_of(owner: str | None) -> str:
    """What to call the owner of an experiment; empty where nobody is named."""
    return (owner or "").rpartition(SEPARATOR)[0]


def clean_name(text: str) -> str:
    """A name as people may give themselves one.

    Raises:
        ValueError: it is empty, too long, or holds signs that cannot be seen.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise ValueError("Enter a name: it stands beside your experiments.")
    if len(name) > NAME:
        raise ValueError(f"A name has at most {NAME} characters, this one has {len(name)}.")
    if not name.isprintable() or SEPARATOR in name:
        raise ValueError("A name has letters, digits and spaces.")
    return name


class SharedStore(Store):
    """A store as one person sees it: every door that leads to somebody else's is shut here.

    What is asked of single runs, by their ids, stays open: pages have those ids from experiments
    that they were shown.
    """

    def __init__(self, whole: Store, person: Person) -> None:
        super().__init__(whole.path)
        self.whole = whole
        self.person = person
        self.limits = WORKSHOP
        if person.host:
            self.limits = replace(WORKSHOP, waiting_each=None, launches_each=None)

    @property
    def reads(self) -> Engine:
        return self.whole.reads

    def close(self) -> None:
        """The file belongs to the whole store."""

    def is_elsewhere(self, experiment_id: str) -> bool:
        """Whether there is such an experiment, and it is somebody else's."""
        return self.whole.experiment(experiment_id) is not None and not self.ours(experiment_id)

    def ours(self, experiment_id: str) -> bool:
        """Whether this person may see and change an experiment; false if there is none."""
        with self.reads.connect() as db:
            owned = select(experiments.c.id).where(experiments.c.id == experiment_id)
            return db.scalar(self.limited(owned)) is not None

    def limited(self, statement: Select[Any]) -> Select[Any]:
        """A query of experiments, without those of others."""
        if self.person.host:
            return statement
        return statement.where(experiments.c.owner == self.person.owner)

    def must_be_ours(self, experiment_id: str) -> None:
        if not self.ours(experiment_id):
            raise NotYours(f"{experiment_id} is somebody else's experiment, or there is none")

    def must_be_host(self, what: str) -> None:
        if not self.person.host:
            raise NotYours(f"Only the host of this workshop can {what}")

    # Watching.

    def experiments(self) -> list[ExperimentRow]:
        newest = self.limited(select(experiments)).order_by(experiments.c.created_at.desc())
        with self.reads.connect() as db:
            return [experiment_row(row) for row in db.execute(newest).mappings()]

    def experiment(self, id: str) -> ExperimentRow | None:
        return super().experiment(id) if self.ours(id) else None

    def runs(self, experiment_id: str) -> list[RunRow]:
        return super().runs(experiment_id) if self.ours(experiment_id) else []

    def trials(self, experiment_id: str) -> list[Trial]:
        return super().trials(experiment_id) if self.ours(experiment_id) else []

    def run_ids(self, experiment_id: str) -> set[str]:
        return super().run_ids(experiment_id) if self.ours(experiment_id) else set()

    def counts(self, experiment_id: str | None = None) -> dict[str, dict[str, int]]:
        owner = None if self.person.host else self.person.owner
        with self.reads.connect() as db:
            return counts(db, experiment_id, owner)

    # Wishes.

    def launch(
        self, experiment: Experiment, *, estimate: float | None = None, owner: str | None = None
    ) -> str:
        """Launch it in this person's name, whatever ``owner`` says.

        Raises:
            NotYours: it holds tricks of the host's own, and this is not the host.
            LimitReached: too many runs would wait, or it follows too many other launches.
        """
        held = {choice.id for arm in experiment.arms for choice in arm.tricks}
        if any(catalog()[id].family() == FAMILY for id in held if id in catalog()):
            self.must_be_host("train tricks that lie in files of this machine")
        return super().launch(experiment, estimate=estimate, owner=self.person.owner)

    def add_seeds(self, experiment_id: str, count: int) -> int:
        self.must_be_ours(experiment_id)
        return super().add_seeds(experiment_id, count)

    def stop(self, experiment_id: str, run_ids: Collection[str] | None = None) -> int:
        self.must_be_ours(experiment_id)
        return super().stop(experiment_id, run_ids)

    def pause(self, experiment_id: str) -> int:
        self.must_be_ours(experiment_id)
        return super().pause(experiment_id)

    def go_on(self, experiment_id: str) -> int:
        self.must_be_ours(experiment_id)
        return super().go_on(experiment_id)

    def rename(self, experiment_id: str, name: str) -> None:
        self.must_be_ours(experiment_id)
        super().rename(experiment_id, name)

    def delete(self, experiment_id: str) -> int:
        self.must_be_host("delete experiments")
        return super().delete(experiment_id)

    def stop_run(self, run_id: str) -> int:
        self.must_be_host("end a run whoever needs it")
        return super().stop_run(run_id)

    def run_again(self, run_id: str) -> None:
        needing = self.needing(run_id)
        if not needing:
            raise NotYours(f"No experiment of yours needs the run {run_id}")
        super().run_again(run_id)
        with self.writes.begin() as db:
            for id in needing:
                want(db, id, time.time())

    def needing(self, run_id: str) -> list[str]:
        """The experiments of this person that compare or try a run."""
        of = (select(one.c.experiment_id).where(one.c.run_id == run_id) for one in (links, trials))
        with self.reads.connect() as db:
            own = self.limited(select(experiments.c.id)).where(experiments.c.id.in_(union(*of)))
            return list(db.scalars(own))

    def kept(self, experiment_id: str) -> int:
        """How many runs of an experiment that was stopped go on, because others want them."""
        under_way = select(runs.c.id).where(runs.c.state.in_(("waiting", "running")))
        with self.reads.connect() as db:
            if not db.scalar(select(notes.c.value == 0).where(notes.c.key == NOTE + experiment_id)):
                return 0
            ours = linked(db, experiment_id)
            found = set().union(*(db.scalars(under_way.where(runs.c.id.in_(ids)))
                                  for ids in chunks(ours)))  # fmt: skip
            return len(wanted_elsewhere(db, experiment_id, found))
