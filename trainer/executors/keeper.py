"""Keeps the checkpoints of a run, from its own process: when, where, and which ones go."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trainer import checkpoint
from trainer.home import checkpoint_file, checkpoint_files
from trainer.queue import Fenced

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trainer.executors.writer import Account, Writer

EVERY = 10.0  # seconds of a run after which a checkpoint is due
SHARE = 0.02  # of a run's time at most, where checkpoints are large


class Left(Exception):
    """The run was to leave, and is kept as far as it can be."""


class Pace:
    """When the runs of a process are kept: all after the same step, so that they go on together.

    Every keeper is asked once after each step, and all begin at the same one: so the same number
    of questions is the same step.
    """

    def __init__(self) -> None:
        self.due = time.monotonic() + EVERY
        self.asked = 0  # the most that any keeper was
        self.rounds: set[int] = set()  # the questions that all of them say yes to
        self.took = 0.0
        self.leavers: dict[int, frozenset[Account]] = {}  # who leaves after which question
        self.left: set[Account] = set()

    def wanted(self, asked: int) -> bool:
        """Whether the run that has been asked so often is to be kept now."""
        first = asked > self.asked
        self.asked = max(self.asked, asked)
        if time.monotonic() >= self.due:
            self.rounds.add(asked if first else self.asked + 1)  # some were asked this one before
            self.due, self.took = time.monotonic() + EVERY, 0.0
        return asked in self.rounds

    def leaves(self, asked: int, account: Account, writer: Writer) -> bool:
        """Whether the run is to leave after this step; asked before :meth:`wanted`.

        Whoever is asked first looks for all, so that those told at once leave at once.
        """
        if asked > self.asked and (told := writer.told_to_leave() - self.left):
            self.leavers[asked] = told
        if account not in self.leavers.get(asked, ()):
            return False
        self.left.add(account)
        return True

    def spent(self, seconds: float) -> None:
        """It took so long to keep one of them."""
        self.took += seconds
        self.due = max(self.due, time.monotonic() + max(EVERY, self.took / SHARE))


class Keeper:
    """The engine's ``Saver``: a checkpoint now and then, and one when the run is to leave."""

    def __init__(self, account: Account, writer: Writer, pace: Pace | None = None) -> None:
        self.account = account
        self.writer = writer
        self.home = writer.queue.store.home
        self.pace = pace or Pace()
        self.asked = 0
        self.able = True
        self.leaves = False  # after the step that was asked about last

    def wanted(self) -> bool:
        """Whether the run should be kept after this step."""
        self.asked += 1
        self.leaves = self.pace.leaves(self.asked, self.account, self.writer)
        return (self.pace.wanted(self.asked) and self.able) or self.leaves

    def save(self, make: Callable[[], Mapping[str, Any]]) -> None:
        """Write the file, then the row that names it; then older files go.

        Raises:
            Left: the run was told to leave; it need not train on.
            Fenced: somebody else has the run.
        """
        begun = time.monotonic()
        if self.account.lost:
            raise Fenced(f"attempt {self.account.claim.attempt} is over")
        try:
            self.keep(dict(make()))
        except checkpoint.Unkept as reason:  # one's own trick: the run itself is as good as ever
            self.account.log(f"this run leaves no checkpoints: {reason}")
            self.able = False
        except OSError as error:  # no room, no permission: the last one still stands
            self.account.log(f"no checkpoint: {error}")
        self.pace.spent(time.monotonic() - begun)
        if self.leaves:
            raise Left

    def keep(self, state: dict[str, Any]) -> None:
        run, step = self.account.claim.run.id, int(state["step"])
        path = checkpoint_file(self.home, run, step)
        checkpoint.write(path, state, self.account.claim.attempt)
        self.writer.saved(self.account, step)
        for old in checkpoint_files(self.home, run):
            if old != path:
                old.unlink(missing_ok=True)

    def resumed(self, device: str) -> dict[str, Any] | None:
        """The checkpoint that the row names; None: the run begins at the first step."""
        claim = self.account.claim
        if claim.saved_step is None:
            return None
        path = checkpoint_file(self.home, claim.run.id, claim.saved_step)
        try:
            state = checkpoint.read(path, device)
        except checkpoint.Unkept as reason:
            self.account.log(f"{reason}; this attempt begins at the first step")
            self.writer.queue.start_over(claim)
            return None
        self.account.log(f"goes on after step {claim.saved_step}")
        return state

    def clear(self) -> None:
        """The run is over."""
        for file in checkpoint_files(self.home, self.account.claim.run.id):
            file.unlink(missing_ok=True)
