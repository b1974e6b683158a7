"""Runs of one arm trained in one process: a stand-in that trains them in turns, step by step.

It has the interface of training them as one program and none of its speed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from trainer.engine import Outcome, Saver
    from trainer.experiment import Arm, Run, Setup
    from trainer.record import Point

    Told = tuple[int, Point | Outcome | Exception]


def stackable(setup: Setup, arm: Arm) -> str | None:
    """Why the seeds of this arm cannot be trained together; None: they can."""
    return None if setup.seconds is None else "its budget is in seconds"


def worth(runs: Sequence[Run], *, home: Path, device: str) -> bool:
    """Whether these runs are trained faster together."""
    return len(runs) > 1


def train_together(
    runs: Sequence[Run],
    *,
    home: Path,
    device: str = "cpu",
    say: Callable[[str], None] = lambda text: None,
    savers: Sequence[Saver | None] | None = None,
    resumes: Sequence[Mapping[str, Any] | None] | None = None,
) -> Generator[Told, None, None]:
    """Yields (i, point), and for each run one last (i, outcome) or (i, exception)."""
    import torch

    from trainer.engine import train

    begun = [
        train(
            run,
            home=home,
            device=device,
            say=say,
            saver=savers[i] if savers else None,
            resume=resumes[i] if resumes else None,
        )
        for i, run in enumerate(runs)
    ]
    layers = [torch.get_rng_state() for _ in runs]
    going = dict(enumerate(begun))
    while going:
        for i, points in list(going.items()):
            torch.set_rng_state(layers[i])
            try:
                yield i, next(points)
            except StopIteration as end:
                del going[i]
                yield i, end.value
            except Exception as error:
                del going[i]
                yield i, error
            layers[i] = torch.get_rng_state()
