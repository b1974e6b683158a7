"""How the store and what the pages make of it grow with the number of runs, up to a million points.

    python tests/benchmarks/scale.py [--runs 100 1000 10000] [--repeats 3] [--json]

A store holds experiments of 100 finished runs (4 arms, 25 seeds) with 100 points each, and then one
experiment of all runs. Measured on a store opened afresh, without a browser (``pages.py`` has one):

open      the store, to the first answer
list      the table of experiments with states, verdicts and times: its first sheet of 50
draw 100  one experiment of 100 runs: read, compared, and its charts packed for the browser
draw all  the same for the experiment of all runs

The slope is that of log seconds over log runs: 1 is growth in proportion, 0 is none.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.pop(0)  # this folder, which has a pages.py of its own
sys.path.insert(0, str(Path(__file__).parents[2]))

from pages.parts import view
from pages.parts.board import SHEET, lines, outcome
from pages.parts.curves import figure, packed
from pages.parts.reader import Reader
from pages.parts.results import results
from trainer.experiment import parse
from trainer.provenance import processor
from trainer.queue import Queue
from trainer.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.experiment import Experiment

ARMS, SEEDS = 4, 25  # of an experiment
GRID = range(0, 500, 20)  # of a run: 25 steps with 4 metrics each


def plan(name: str, seeds: range) -> Experiment:
    dropouts = [
        {"name": f"dropout {i}", "tricks": [{"id": "dropout", "knobs": {"p": 0.1 * i}}]}
        for i in range(1, ARMS)
    ]
    setup = {"steps": GRID[-1], "train_size": 320}
    arms = [{"name": "baseline"}, *dropouts]
    return parse({"name": name, "setup": setup, "arms": arms, "seeds": list(seeds)})


def points(rng: np.random.Generator) -> list[tuple[int, str, float]]:
    """What a run writes: accuracy and loss that settle, and the clock."""
    found = []
    for step in GRID:
        part, noise = step / GRID[-1], 0.01 * rng.standard_normal()
        found += [
            (step, "test_accuracy", 0.1 + 0.6 * part + noise),
            (step, "test_loss", 2.3 - 1.5 * part + noise),
            (step, "train_loss", 2.3 - 1.8 * part + noise),
            (step, "seconds", 0.001 * step),
        ]
    return found


def fill(home: Path, runs: int) -> tuple[str, str]:
    """Write all runs as a worker does; the ids of a small experiment and of that of all runs."""
    store, rng = Store(home), np.random.default_rng(0)
    queue = Queue(store)
    size = ARMS * SEEDS
    for i in range(max(1, runs // size)):
        small = store.launch(plan(f"Experiment {i}", range(i * SEEDS, (i + 1) * SEEDS)))
        while claim := queue.claim("benchmark", "auto", "cpu"):
            found = points(rng)
            last = {key: value for _, key, value in found[-4:]}
            end: dict[str, Any] = {"steps": GRID[-1], "seconds": last["seconds"]}
            queue.finish(claim, found, state="done", metrics=last, **end)
    every = store.launch(plan("All", range(runs // ARMS)))  # all are done: they are linked
    return small, every


def draw(store: Store, id: str) -> int:
    """Everything up to what is sent to the browser; its bytes."""
    row = store.experiment(id)
    assert row is not None
    look = Reader(store, row, lambda: ("ready", None)).look(now=True)
    if len(look.curves) != len(look.runs):
        raise RuntimeError(f"{len(look.curves)} of {len(look.runs)} runs have curves")
    return len(packed(figure(look, results(look), view.View()), None))


def listed(store: Store) -> None:
    shown = lines(store)[:SHEET]
    outcome(store, [one.row for one in shown])


def seconds(home: Path, repeats: int, what: Callable[[Store], object]) -> float:
    """Median over stores opened afresh; the opening does not count, nor what is imported first."""
    what(Store(home))
    took = []
    for _ in range(repeats):
        store = Store(home)
        store.worker()
        begin = time.perf_counter()
        what(store)
        took.append(time.perf_counter() - begin)
    return statistics.median(took)


def opened(home: Path, repeats: int) -> float:
    took = []
    for _ in range(repeats):
        begin = time.perf_counter()
        Store(home).worker()
        took.append(time.perf_counter() - begin)
    return statistics.median(took)


def measure(runs: int, repeats: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        begin = time.perf_counter()
        small, every = fill(home, runs)
        wrote = time.perf_counter() - begin
        return {
            "points": runs * len(GRID) * 4,
            "mb": sum(one.stat().st_size for one in home.glob("*.db*")) / 1e6,
            "write": wrote,
            "open": opened(home, repeats),
            "list": seconds(home, repeats, listed),
            "draw 100": seconds(home, repeats, lambda store: draw(store, small)),
            "draw all": seconds(home, repeats, lambda store: draw(store, every)),
            "bytes": draw(Store(home), every),
        }


def slope(found: dict[int, dict[str, float]], key: str) -> float:
    """Of log seconds over log runs, by least squares."""
    runs, took = list(found), [one[key] for one in found.values()]
    return float(np.polyfit(np.log(runs), np.log(took), 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = {runs: measure(runs, asked.repeats) for runs in sorted(asked.runs)}
    keys = ("write", "open", "list", "draw 100", "draw all")
    slopes = {key: slope(found, key) for key in keys} if len(found) > 1 else {}
    if asked.json:
        print(json.dumps({"processor": processor(), "runs": found, "slopes": slopes}, indent=1))
        return
    print(f"{processor()}, {os.cpu_count()} cores; medians of {asked.repeats}; seconds\n")
    print("| runs | points | MB | " + " | ".join(keys) + " | data for all, MB |")
    print("|---" * (len(keys) + 4) + "|")
    for runs, one in found.items():
        times = [f"{one[key]:.3f}" for key in keys]
        row = [f"{runs:,}", f"{one['points']:,}", f"{one['mb']:.1f}", *times]
        print(f"| {' | '.join(row)} | {one['bytes'] / 1e6:.2f} |")
    if slopes:
        print("| slope | | | " + " | ".join(f"{slopes[key]:.2f}" for key in keys) + " | |")


if __name__ == "__main__":
    main()
