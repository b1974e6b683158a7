"""The engine with all its logging on, against the best loop we can write by hand.

    python tests/benchmarks/engine.py [--repeats 25] [--device cuda]

Both do the same work in one process on one thread, in turn: the same batches of resident tensors,
the same network, weights, optimizer and evaluations. The loop by hand uses class indices and the
fused cross-entropy, keeps nothing but its evaluations, and knows its whole budget. A ratio above 1
means that the engine is faster. The ratio is of processor time, which other programs on the machine
disturb less than the wall's; that is printed, too.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch.nn.functional import cross_entropy

sys.path.insert(0, str(Path(__file__).parents[2]))

from trainer.engine import train
from trainer.experiment import Run, parse
from trainer.grid import evaluation_steps
from trainer.networks import kaiming, multiply_adds
from trainer.streams import stream
from trainer.tasks.classification import Classification, answers, marks

WORK = {
    "MLP 64-128-128-128-10, digits, batch 32": {
        "dataset": "digits",
        "train_size": 400,
        "network": {"kind": "mlp"},
        "epochs": 60,
    },
    "small CNN, shapes 32x32, batch 64": {
        "dataset": "shapes",
        "train_size": 1280,
        "batch_size": 64,
        "network": {"kind": "cnn"},
        "epochs": 4,
    },
}


class Took(NamedTuple):
    """Seconds from the first evaluation to the end."""

    processor: float
    wall: float


def since(begin: Took) -> Took:
    return Took(time.process_time() - begin.processor, time.perf_counter() - begin.wall)


def now() -> Took:
    return Took(time.process_time(), time.perf_counter())


def by_engine(run: Run, home: Path, device: str) -> Took:
    points = train(run, home=home, device=device)
    next(points)
    begin = now()
    for _ in points:
        pass
    return since(begin)


def by_hand(run: Run, home: Path, device: str) -> Took:
    setup = run.setup
    task = Classification(run, home=home, device=device, say=print)
    network = task.build(task.spec())
    kaiming(network, stream(run.seed, "init"))
    due = evaluation_steps(setup, multiply_adds(network, setup.image), task.judged)
    task.to_device(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=setup.lr, fused=True)
    x_all, y_all, size = task.split.x, task.split.y, setup.batch_size
    shuffle, step = stream(run.seed, "order"), 0
    task.evaluate(network)
    network.train()
    begin = now()
    while step < (setup.total_steps or 0):
        order = torch.randperm(len(y_all), generator=shuffle).to(device)
        for i in range(0, len(order) // size * size, size):
            rows = order[i : i + size]
            optimizer.zero_grad()
            cross_entropy(network(x_all[rows]), y_all[rows]).backward()
            optimizer.step()
            step += 1
            if due(step, 0.0) or step == setup.total_steps:
                network.eval()
                task.evaluate(network)
                network.train()
    network.eval()
    if task.tests < len(task.test_x):
        marks(answers(network, task.test_x, task.chunk), task.test_y)[1].mean().item()
    return since(begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    asked = parser.parse_args()
    repeats, device = asked.repeats, asked.device
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for name, setup in WORK.items():
            data = {"name": "x", "setup": setup, "arms": [{"name": "a"}], "seeds": [0]}
            run = parse(data).runs()[0]
            by_engine(run, home, device), by_hand(run, home, device)  # the first of each warms up
            pairs = []
            for i in range(repeats):  # short pairs, in changing order: machines drift
                if i % 2:
                    engine = by_engine(run, home, device)
                    pairs.append((engine, by_hand(run, home, device)))
                else:
                    hand = by_hand(run, home, device)
                    pairs.append((by_engine(run, home, device), hand))
            samples = (run.setup.total_steps or 0) * run.setup.batch_size
            ratios = [hand.processor / engine.processor for engine, hand in pairs]
            walls = [hand.wall / engine.wall for engine, hand in pairs]
            quartile = statistics.quantiles(ratios, n=4)
            ours, theirs = (
                samples / statistics.median(one.processor for one in column)
                for column in zip(*pairs, strict=True)
            )
            print(f"{name}: engine {ours:,.0f} samples a second, by hand {theirs:,.0f}")
            print(
                f"  engine / by hand: median {statistics.median(ratios):.3f}, "
                f"quartiles {quartile[0]:.3f} and {quartile[2]:.3f}, {repeats} pairs; "
                f"by the wall's time {statistics.median(walls):.3f}"
            )


if __name__ == "__main__":
    main()
