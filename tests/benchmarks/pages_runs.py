"""The experiments of the page benchmark, written as a worker writes them: claim, write, finish.

    python tests/benchmarks/pages_runs.py live HOME RUNS
    python tests/benchmarks/pages_runs.py train HOME

Both launch an experiment, print its id as their first line, and then a line ``[step, time]`` for
each point of the first arm whose way to the page is timed. ``live`` writes made-up points into
many running runs at once; the time is when the store had them. ``train`` trains one run with the
engine; the time is when the engine handed the point on.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

sys.path.pop(0)  # this folder, which has a pages.py of its own
sys.path.insert(0, str(Path(__file__).parents[2]))

from trainer.experiment import parse
from trainer.processes import birth
from trainer.queue import Queue
from trainer.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.experiment import Experiment
    from trainer.queue import Claim, Numbers

POINTS = 1_000  # of a run, for each of three metrics
BATCH = 50  # points of a metric in one write
BEFORE = 300  # points that a live run has when the page is opened
AHEAD = 100  # points by which the timed run is before all others


def plan(name: str, arms: int, seeds: int, **setup: Any) -> Experiment:
    """An experiment of ``arms`` different arms."""
    dropouts = [
        {"name": f"dropout {i}", "tricks": [{"id": "dropout", "knobs": {"p": 0.01 * i}}]}
        for i in range(1, arms)
    ]
    return parse(
        {
            "name": name,
            "setup": {"train_size": 400, "batch_size": 32} | (setup or {"steps": POINTS}),
            "arms": [{"name": "baseline", "tricks": []}, *dropouts],
            "seeds": list(range(seeds)),
        }
    )


def curve(claim: Claim) -> list[list[Numbers]]:
    """What a run finds: for each step, three metrics and the clock."""
    rng = np.random.default_rng(abs(hash(claim.run.id)) % 2**32)
    part = np.linspace(0, 1, POINTS)
    accuracy = 0.1 + 0.7 * (1 - np.exp(-5 * part)) + 0.02 * rng.standard_normal(POINTS)
    loss = 0.4 + 1.9 * np.exp(-4 * part) + 0.05 * rng.standard_normal(POINTS)
    keys = {"test_accuracy": accuracy, "test_loss": loss, "train_loss": 0.8 * loss}
    return [
        [
            *((step, key, float(values[i])) for key, values in keys.items()),
            (step, "seconds", 0.01 * step + 1e-4 * rng.random()),
        ]
        for i, step in enumerate(range(1, POINTS + 1))
    ]


def joined(points: list[list[Numbers]]) -> list[Numbers]:
    return [one for step in points for one in step]


def claims(queue: Queue) -> Iterator[Claim]:
    while claim := queue.claim("benchmark", "auto", "cpu"):
        yield claim


def write_finished(store: Store, experiment: Experiment) -> str:
    """Launch an experiment and write all its runs to their end; gives its id."""
    id = store.launch(experiment)
    queue = Queue(store)
    for claim in claims(queue):
        points = curve(claim)
        for start in range(0, POINTS - BATCH, BATCH):
            queue.write(claim, joined(points[start : start + BATCH]))
        last = {key: value for _, key, value in points[-1]}
        end: dict[str, Any] = {"state": "done", "steps": POINTS, "seconds": last["seconds"]}
        queue.finish(claim, joined(points[-BATCH:]), **end, metrics=last)
    return id


def tell(what: Any) -> None:
    print(json.dumps(what), flush=True)


def live(home: str, runs: int) -> None:
    """Many runs at once, a point a second each; the first one's points come at random times.

    Until it is ended, or the runs are at their last point.
    """
    store = Store(home)
    queue = Queue(store)
    id = store.launch(plan("Live", 8, runs // 8))
    open_runs = [(claim, curve(claim)) for claim in claims(queue)]
    heads = [BEFORE + AHEAD, *[BEFORE] * (len(open_runs) - 1)]
    for (claim, points), head in zip(open_runs, heads, strict=True):
        queue.write(claim, joined(points[:head]))
    tell(id)
    process = psutil.Process()
    queue.enter("benchmark", pid=process.pid, created=birth(process), slots=runs)
    rng = random.Random(0)
    due = [time.time() + rng.random() for _ in open_runs]
    while heads[0] < POINTS:
        now = time.time()
        for i, (claim, points) in enumerate(open_runs):
            if due[i] > now:
                continue
            due[i] += rng.uniform(0.5, 1.5) if i == 0 else 1.0
            queue.write(claim, points[heads[i]])
            heads[i] += 1
            if i == 0:
                tell([heads[i], time.time()])
                queue.beat("benchmark", busy=runs, state="ready", devices=None)
        time.sleep(max(0.0, min(due) - time.time()))


def train(home: str) -> None:
    """One real run, from the engine to the store as the worker does it."""
    from trainer.executors import process, writer

    store = Store(home)
    id = store.launch(plan("Trained", 1, 1, steps=100_000))
    claim = Queue(store).claim("benchmark", "auto", "cpu")
    tell(id)
    told = sys.stdout
    add = writer.Account.add

    def timed(account: writer.Account, point: Numbers) -> None:
        if point[1] == "test_accuracy":
            print(json.dumps([point[0], time.time()]), file=told, flush=True)
        add(account, point)

    writer.Account.add = timed  # type: ignore[method-assign]
    process.write_to_log = lambda store, name: None
    process.train_runs(home, [claim])


if __name__ == "__main__":
    what, home, *more = sys.argv[1:]
    if what == "live":
        live(home, int(more[0]))
    else:
        train(home)
