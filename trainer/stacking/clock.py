"""Training time that several runs share."""

from __future__ import annotations

import time

from trainer.record import Clock


class Shared(Clock):
    """Seconds of training of one of the runs: the time of all by the number of runs.

    So the seconds of runs add up to what they took, stacked or not.
    """

    def __init__(self, device: str) -> None:
        super().__init__(device)
        self.runs = 1
        self.steps = 0  # done so far

    def share(self, runs: int) -> None:
        """From here on so many runs share the time."""
        running = self.since is not None
        self.before, self.since = self.seconds, None
        self.runs = max(1, runs)
        if running:
            self.start()

    @property
    def seconds(self) -> float:
        now = 0.0 if self.since is None else time.perf_counter() - self.since
        return self.before + now / self.runs
