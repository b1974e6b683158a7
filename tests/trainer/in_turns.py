"""Runs of one arm in one process, in turns: the interface of ``trainer.stacking``, not its speed.

Each is the engine's own training, so what comes of it is what comes of each run alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from trainer.engine import Outcome, Saver
    from trainer.experiment import Run
    from trainer.record import Point

    Told = tuple[int, Point | Outcome | Exception]


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
