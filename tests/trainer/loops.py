"""Tiny runs, and how to follow one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer import engine
from trainer.experiment import Run, parse

if TYPE_CHECKING:
    from pathlib import Path

TINY = {"dataset": "digits", "train_size": 96, "steps": 24, "batch_size": 32}


def make_run(seed: int = 0, tricks: list[dict[str, Any]] | None = None, **setup: Any) -> Run:
    data = {
        "name": "tiny",
        "setup": {**TINY, "network": {"kind": "mlp", "depth": 2, "width": 16}, **setup},
        "arms": [{"name": "arm", "tricks": tricks or []}],
        "seeds": [seed],
    }
    return parse(data).runs()[0]


def follow(run: Run, home: Path) -> tuple[list[engine.Point], engine.Outcome]:
    """All points of a run and how it ended."""
    points = []
    steps = engine.train(run, home=home)
    while True:
        try:
            points.append(next(steps))
        except StopIteration as end:
            return points, end.value


def series(points: list[engine.Point], key: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in points if point.key == key]


TIMED = ("seconds", "samples_per_second")


def untimed(points: list[engine.Point]) -> list[engine.Point]:
    return [point for point in points if point.key not in TIMED]
