"""Kill -9 at random moments: ``python -m tests.faults.kill --minutes 20`` prints what happened.

Runs, the fork server, the supervisor, or everything at once die at moments that a seed fixes. A
worker is started again as a page does it. In the end every run is done, its curve is bit for bit
what an undisturbed process draws, each attempt was written by one process, every acknowledged
point is there, and no process is left.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from tests.faults.crew import READY, Crew, plan, until
from trainer.queue import DEATHS
from trainer.workers import ensure_worker

KINDS = ("run", "supervisor", "fork server", "all")


class Havoc:
    """Experiments, one after the other, each with some kills."""

    def __init__(self, home: Path, seed: int) -> None:
        self.crew = Crew(home)
        self.dice = random.Random(seed)
        self.killed: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.rounds = 0
        os.environ.update(self.crew.environment)  # what ensure_worker gives on

    def round(self, kinds: list[str], *, runs: int, steps: int, reference: bool) -> None:
        """Launch runs, kill as ``kinds`` says, and see that all came to its end."""
        store = self.crew.store
        id = store.launch(plan(runs, first=1000 * self.rounds, steps=steps))
        self.rounds += 1
        for kind in kinds:
            until(lambda: self.wake() or self.acts(id), READY, "a run makes steps")
            if self.over(id):
                break
            time.sleep(self.dice.uniform(0.0, 1.0))  # a moment of its life that nobody has chosen
            self.kill(kind)
        until(lambda: self.wake() or self.over(id), READY, "all is done")
        self.crew.check(id, reference=reference)
        rows = store.runs(id)
        self.told["runs done"] += len(rows)
        self.told["attempts"] += sum(row.attempt for row in rows)
        self.told["points of loss, each once"] += sum(row.step for row in rows)
        self.told["curves compared bit for bit"] += len(rows) * reference

    def acts(self, id: str) -> bool:
        return bool(self.crew.training()) or self.over(id)

    def over(self, id: str) -> bool:
        counts = self.crew.counted(id)
        ended = not {"waiting", "running"} & counts.keys()
        assert not ended or set(counts) == {"done"}, counts
        return ended

    def wake(self) -> None:
        """What every page does every few seconds."""
        ensure_worker(self.crew.home)

    def kill(self, kind: str) -> None:
        """Kill -9. A run that has died often is spared: at the fifth time it is given up."""
        deaths = self.crew.deaths()
        dear = {id for id in self.crew.training() if deaths[id] >= DEATHS - 2}
        runs = {id: one for id, one in self.crew.training().items() if id not in dear}
        worker = self.crew.store.worker()
        supervisor = [one for one in self.crew.processes() if worker and one.pid == worker.pid]
        match kind:
            case "run" if runs:
                victims = [self.dice.choice(list(runs.values()))]
            case "supervisor" if supervisor:
                victims = supervisor
            case "fork server" if one := self.crew.fork_server():
                victims = [one]
            case "all" if not dear:
                victims = self.crew.processes()
            case _:
                self.told[f"no {kind} to kill"] += 1
                return
        for one in victims:
            try:
                one.kill()
            except psutil.NoSuchProcess:  # it ended by itself meanwhile
                continue
        psutil.wait_procs(victims, timeout=10)
        self.killed[kind] += 1

    def end(self) -> None:
        """End the worker; no process may be left."""
        self.told["acknowledged batches' attempts"] = len(self.crew.acknowledged())
        self.crew.end()
        self.told["processes left"] = len(self.crew.processes())


def main() -> None:
    given = argparse.ArgumentParser(prog="python -m tests.faults.kill", description=__doc__)
    given.add_argument("--minutes", type=float, default=20.0)
    given.add_argument("--seed", type=int, default=0)
    asked = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        havoc = Havoc(Path(folder), asked.seed)
        deadline = time.monotonic() + 60 * asked.minutes
        try:
            while time.monotonic() < deadline:
                kinds = havoc.dice.choices(KINDS, weights=(4, 2, 2, 1), k=8)
                havoc.round(kinds, runs=6, steps=3000, reference=True)
                sys.stderr.write(f"\r{havoc.rounds} rounds, {havoc.killed.total()} kills")
        finally:
            havoc.end()
    print()
    for kind in KINDS:
        print(f"{'killed: ' + kind:34}{havoc.killed[kind]:>9,}")
    for what, count in havoc.told.items():
        print(f"{what:34}{count:>9,}")


if __name__ == "__main__":
    main()
