"""Keeps the checkpoints of a run, from its own process: when, where, and which ones go."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trainer import checkpoint
from trainer.home import checkpoint_file, checkpoint_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trainer.executors.process import Writer

EVERY = 10.0  # seconds of a run after which a checkpoint is due
SHARE = 0.02  # of a run's time at most, where checkpoints are large


class Left(Exception):
    """The run was to leave, and is kept as far as it can be."""


class Keeper:
    """The engine's ``Saver``: a checkpoint now and then, and one when the run is to leave."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.home = writer.queue.store.home
        self.due = time.monotonic() + EVERY
        self.able = True

    def wanted(self) -> bool:
        """Whether the run should be kept after this step."""
        return self.writer.stopped.is_set() or (self.able and time.monotonic() >= self.due)

    def save(self, make: Callable[[], Mapping[str, Any]]) -> None:
        """Write the file, then the row that names it; then older files go.

        Raises:
            Left: the run was told to leave; it need not train on.
            Fenced: somebody else has the run.
        """
        begun = time.monotonic()
        leaves = self.writer.stopped.is_set()
        try:
            self.keep(dict(make()))
        except checkpoint.Unkept as reason:  # one's own trick: the run itself is as good as ever
            print(f"this run leaves no checkpoints: {reason}", flush=True)
            self.able = False
        except OSError as error:  # no room, no permission: the last one still stands
            print(f"no checkpoint: {error}", flush=True)
        took = time.monotonic() - begun
        self.due = begun + took + max(EVERY, took / SHARE)
        if leaves:
            raise Left

    def keep(self, state: dict[str, Any]) -> None:
        run, step = self.writer.claim.run.id, int(state["step"])
        path = checkpoint_file(self.home, run, step)
        checkpoint.write(path, state, self.writer.claim.attempt)
        self.writer.saved(step)
        for old in checkpoint_files(self.home, run):
            if old != path:
                old.unlink(missing_ok=True)

    def resumed(self, device: str) -> dict[str, Any] | None:
        """The checkpoint that the row names; None: the run begins at the first step."""
        claim = self.writer.claim
        if claim.saved_step is None:
            return None
        path = checkpoint_file(self.home, claim.run.id, claim.saved_step)
        try:
            state = checkpoint.read(path, device)
        except checkpoint.Unkept as reason:
            print(f"{reason}; this attempt begins at the first step", flush=True)
            self.writer.queue.start_over(claim)
            return None
        print(f"goes on after step {claim.saved_step}", flush=True)
        return state

    def clear(self) -> None:
        """The run is over."""
        for file in checkpoint_files(self.home, self.writer.claim.run.id):
            file.unlink(missing_ok=True)
