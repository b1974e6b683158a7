"""Workers to break, each with all its processes marked, so that none is missed and none is left."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psutil
from sqlalchemy import select

from trainer.experiment import Experiment, Run, parse
from trainer.schema import runs
from trainer.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
PATCHES = Path(__file__).parent / "patches"
MARK = "TRICKBOARD_FAULT_MARK"
KEPT = ("loss", "lr", "test_accuracy", "test_loss", "grad_norm")  # depend on no clock
READY = 200.0  # a machine that does much else loads torch slowly
TINY = {"network": {"kind": "mlp", "depth": 1, "width": 8}, "device": "cpu", "batch_size": 64}

Points = dict[tuple[int, str], float]  # (step, key) -> value


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Poll until something is so; say what was awaited if it is not in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"after {seconds:g} s still not: {what}"
        time.sleep(0.02)
    return value


def has_ended(process: psutil.Process) -> bool:
    """Also while its parent has not taken notice yet: to psutil such a process still runs."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def plan(seeds: int = 1, *, first: int = 0, tricks: Any = (), **setup: Any) -> Experiment:
    """Very small runs of one arm."""
    return parse(
        {
            "name": "Faults",
            "setup": {**TINY, "steps": 1000, **setup},
            "arms": [{"name": "arm", "tricks": list(tricks)}],
            "seeds": list(range(first, first + seeds)),
        }
    )


class Crew:
    """A store with a real worker. ``faults``: what its processes do otherwise, see patches."""

    def __init__(self, home: Path, **faults: Any) -> None:
        self.home = home
        self.store = Store(home)
        self.mark = uuid4().hex
        self.acks = home / "acks"
        self.acks.mkdir(parents=True, exist_ok=True)
        self.clock = home / "clock"
        self.clock.write_text("0")
        self.faults = {"acks": str(self.acks), **faults}
        self.started: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        return {
            MARK: self.mark,
            "TRICKBOARD_HOME": str(self.home),
            "TRICKBOARD_FAULTS": json.dumps(self.faults),
            "PYTHONPATH": os.pathsep.join([str(PATCHES), str(ROOT)]),
        }

    def start(self, *options: str, ready: bool = True) -> subprocess.Popen[bytes]:
        """A worker as a page starts it, but ours to wait for."""
        command = [sys.executable, "-m", "trainer", "worker", "--store", str(self.home)]
        with (self.home / "worker.txt").open("ab") as log:
            worker = subprocess.Popen(
                [*command, "--workers", "2", *options],
                cwd=ROOT, env=os.environ | self.environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.started.append(worker)
        if ready:
            until(lambda: self.is_ready(worker), READY, "the worker is ready")
        return worker

    def is_ready(self, worker: subprocess.Popen[bytes]) -> bool:
        assert worker.poll() is None, self.said()
        row = self.store.worker()
        return bool(row and row.pid == worker.pid and row.state == "ready")

    def said(self) -> str:
        """What the workers printed."""
        file = self.home / "worker.txt"
        return file.read_text() if file.exists() else ""

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``python -m trainer ...`` on this store's home."""
        return subprocess.run(
            [sys.executable, "-m", "trainer", *arguments],
            cwd=ROOT, env=os.environ | self.environment, capture_output=True, text=True,
            timeout=120,
        )  # fmt: skip

    def processes(self) -> list[psutil.Process]:
        """Every living process that this crew's workers have started, and they themselves."""
        found = []
        for one in psutil.process_iter():
            try:
                alive = one.pid != os.getpid() and one.status() != psutil.STATUS_ZOMBIE
                if alive and one.environ().get(MARK) == self.mark:
                    found.append(one)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def fork_server(self) -> psutil.Process | None:
        for one in self.processes():
            try:
                if any("multiprocessing.forkserver" in word for word in one.cmdline()):
                    return one
            except psutil.NoSuchProcess:
                continue
        return None

    def training(self) -> dict[str, psutil.Process]:
        """The processes of the runs that have made a step, by run."""
        with self.store.reads.connect() as db:
            being = select(runs.c.id, runs.c.pid).where(runs.c.state == "running", runs.c.step > 0)
            rows = db.execute(being.where(runs.c.pid.is_not(None))).all()
        ours = {one.pid: one for one in self.processes()}
        return {id: ours[pid] for id, pid in rows if pid in ours}

    def halt(self, *processes: psutil.Process) -> None:
        """Stop them while none of them is writing: else nobody could, which is another fault."""
        while True:
            for process in processes:
                process.send_signal(signal.SIGSTOP)
                until(lambda: process.status() == "stopped", 10, "it stands still")  # noqa: B023
            with closing(sqlite3.connect(self.store.path, timeout=2.0)) as store:
                try:
                    store.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError:
                    for process in processes:
                        process.send_signal(signal.SIGCONT)

    def deaths(self) -> dict[str, int]:
        with self.store.reads.connect() as db:
            return {id: count for id, count in db.execute(select(runs.c.id, runs.c.deaths))}

    def counted(self, id: str) -> dict[str, int]:
        return self.store.counts(id)[id]

    def all_done(self, id: str, seconds: float = READY) -> None:
        done = {"done": len({run.id for run in self.store.runs(id)})}
        until(lambda: self.counted(id) == done, seconds, f"all are done: {self.counted(id)}")

    def log(self, name: str) -> str:
        return (self.home / "logs" / f"{name}.log").read_text()

    def end(self) -> None:
        """End the worker as a person does; nothing of it may be left."""
        if not all(one.poll() is not None for one in self.started) or self.processes():
            self.command("stop")
        try:
            until(lambda: not self.processes(), 30, "no process is left")
        finally:
            for one in self.processes():
                one.kill()
            for worker in self.started:
                worker.wait(30)
            self.store.close()

    # What must be true in the end.

    def curve(self, run_id: str) -> Points:
        """All points of a run that do not depend on the clock; none may be there twice."""
        news = self.store.read({run_id: (0, 0)}, KEPT)[run_id]
        found: Points = {}
        for key, (steps, values) in news.series.items():
            assert steps == sorted(set(steps)), f"{key} of {run_id} has points twice or in disorder"
            found |= {(step, key): value for step, value in zip(steps, values, strict=True)}
        return found

    def acknowledged(self) -> dict[tuple[str, int], dict[int, Points]]:
        """The points that the store has taken, by run and attempt, and by process."""
        found: dict[tuple[str, int], dict[int, Points]] = defaultdict(dict)
        for file in self.acks.glob("*.jsonl"):
            for line in file.read_text().splitlines(keepends=True):
                if not line.endswith("\n"):
                    continue  # killed while it wrote this down
                one = json.loads(line)
                known = found[one["run"], one["attempt"]].setdefault(int(file.stem), {})
                known |= {(step, key): value for step, key, value in one["points"]}
        return found

    def check(self, id: str, *, reference: bool = True) -> None:
        """Every run of an experiment is done, and its curve is what one process would have drawn.

        With ``reference`` each is trained once more, here, undisturbed, and compared bit for bit.
        """
        taken = self.acknowledged()
        for row in self.store.runs(id):
            curve = self.curve(row.id)
            steps = [step for step, key in curve if key == "loss"]
            assert row.state == "done" and steps == list(range(1, row.step + 1)), row
            for (run, attempt), writers in taken.items():
                if run != row.id:
                    continue
                assert len(writers) == 1, f"attempt {attempt} of {run} was written by {writers}"
                assert attempt <= row.attempt
                for points in writers.values():
                    for at, value in points.items():
                        assert at[1] not in KEPT or curve[at] == value, (run, attempt, at)
        if reference:
            for run in self.store.experiment(id).experiment.runs():
                alone = trained_alone(run, self.home)
                known = self.curve(run.id)
                assert {at: alone[at] for at in known} == known


def trained_alone(run: Run, home: Path) -> Points:
    """The points of a run that nothing disturbs, trained in this process."""
    import torch

    from trainer.engine import train

    torch.set_num_threads(1)
    return {
        (point[0], point[1]): point[2] for point in train(run, home=home, device=run.setup.device)
    }
