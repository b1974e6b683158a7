"""Tasks: what a run's data and network are, what one training step is, how it is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.tasks.classification import Classification

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainer.experiment import Run

TASKS = {"classification": Classification}


def task_of(run: Run, *, home: Path, device: str, say: Callable[[str], None]) -> Classification:
    """The task of a run, with its data on the device."""
    return TASKS[run.setup.task](run, home=home, device=device, say=say)
