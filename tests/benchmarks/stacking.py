"""Runs trained as one program against the same runs one after another, all logging on in both.

    python tests/benchmarks/stacking.py [TRICK+TRICK ...] [--repeats 5] [--cpu] [--device cuda]

One process on one thread, in turn: the engine trains one run, then a stack trains 6, then one
trains 24. From the first evaluation to the end of the last report; a ratio is the engine's time of
a step over the stack's time of a step of one run. ``--cpu`` counts processor time: on a machine
that has other work too.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from trainer.engine import train
from trainer.experiment import Run, parse
from trainer.stacking import train_together

if TYPE_CHECKING:
    from collections.abc import Iterable

SETUP = {"dataset": "digits", "train_size": 400, "network": {"kind": "mlp"}, "epochs": 20}
ARMS = ["", "dropout", "mixup", "label_smoothing", "batch_norm", "adamw"]
ARMS.append("+".join(ARMS[1:]))
STACKS = (6, 24)


def runs_of(arm: str, count: int) -> list[Run]:
    tricks = [{"id": one} for one in arm.split("+") if one]
    arms = [{"name": "a", "tricks": tricks}]
    return parse({"name": "x", "setup": SETUP, "arms": arms, "seeds": [*range(count)]}).runs()


def seconds_of_a_step(runs: list[Run], home: Path, device: str, *, cpu: bool) -> float:
    """Of one run: alone by the engine, several in a stack."""
    clock = time.thread_time if cpu else time.perf_counter
    alone = train(runs[0], home=home, device=device)
    going: Iterable[Any] = (
        alone if len(runs) == 1 else train_together(runs, home=home, device=device)
    )
    going = iter(going)
    next(going)
    begin = clock()
    for _ in going:
        pass
    return (clock() - begin) / (len(runs) * (runs[0].setup.total_steps or 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("arms", nargs="*", default=ARMS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for arm in given.arms:
            tried = [runs_of(arm, count) for count in (1, *STACKS)]
            for runs in tried[:2]:  # the first of each warms up
                seconds_of_a_step(runs, home, given.device, cpu=given.cpu)
            times = [
                [seconds_of_a_step(runs, home, given.device, cpu=given.cpu) for runs in tried]
                for _ in range(given.repeats)
            ]
            us = [1e6 * statistics.median(column) for column in zip(*times, strict=True)]
            told = f"{arm or 'plain'}: alone {us[0]:.0f} us a step"
            for i, count in enumerate(STACKS, 1):
                ratios = [row[0] / row[i] for row in times]
                told += f"; {count} stacked {us[i]:.0f} us, {statistics.median(ratios):.2f}x"
            print(told, flush=True)


if __name__ == "__main__":
    main()
