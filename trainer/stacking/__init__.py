"""Stacking: runs that differ only in their seeds, trained as one program. Imports no torch.

An optimization, and never the only way: :func:`trainer.engine.train` is the reference. Small
networks leave most of a processor's time to Python; several of them share it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from trainer.engine import Outcome, Saver
    from trainer.experiment import Arm, Run
    from trainer.record import Point
    from trainer.setup import Setup


def train_together(
    runs: Sequence[Run],
    *,
    home: Path,
    device: str = "cpu",
    say: Callable[[str], None] = lambda text: None,
    savers: Sequence[Saver | None] | None = None,
    resumes: Sequence[Mapping[str, Any] | None] | None = None,
) -> Generator[tuple[int, Point | Outcome | Exception], None, None]:
    """Train runs of one arm and setup, and yield what happens as ``(i, ...)`` for run i.

    Points have the keys and steps that the engine gives them. The last item of each run is its
    outcome, or the exception that its saver or one of its tricks raised; the others go on.
    ``seconds`` of a run are its share of the time: the stack's by the number of runs in it.

    Args:
        runs: what to train. They differ in their seeds alone.
        home: where the data sets are.
        device: as for the engine.
        say: is told what happens before the first step.
        savers: keep the checkpoints of each run. Such a checkpoint is an ordinary one.
        resumes: checkpoints of all runs, after the same step.

    Raises:
        Unequal: these runs cannot be trained as one program; before their first step.
    """
    from trainer.stacking.together import train_together as train

    none = [None] * len(runs)
    return train(
        runs, home=home, device=device, say=say, savers=savers or none, resumes=resumes or none
    )


def worth(runs: Sequence[Run], *, home: Path, device: str = "cpu") -> bool:
    """Whether a step of these stacked costs less than their steps one after another.

    Measured here and now, with the first steps of a few of them, in about a quarter of a second.
    """
    from trainer.stacking.measure import worth as measured

    return measured(runs, home=home, device=device)


SEVERAL = "its step takes several passes"
MAPS = 8  # pixels: larger ones keep a processor busy by themselves, and gain nothing


def stackable(setup: Setup, arm: Arm) -> str | None:
    """Why runs of this arm cannot be trained as one program, in words; None: they can."""
    if setup.network.kind != "mlp" and max(setup.image[1:]) > MAPS:
        return "its network has convolutions of large maps"
    if setup.seconds is not None:
        return "its budget is in seconds"
    for trick in arm.make():
        if not trick.stacks:
            return f"{trick.id()} has to see each network alone"
        if trick.changes("step"):
            return SEVERAL
    return None
