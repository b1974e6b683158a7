"""Trickboard beside the peers: one run, and a whole experiment from submit to verdict.

    pip install -r requirements.txt -r tests/benchmarks/requirements.txt
    python tests/benchmarks/peers.py [--workloads a b c] [--repeats 3] [--device cuda] [--json]

The experiment is four learning rates and six seeds: 24 trainings of the plain arm's cost, which
every peer can do. Trickboard does it by ``python -m trainer run`` in a fresh store; the others in
one process, one training after another, and two at a time in two processes, one thread each. They
train a few of the 24 and the rest is extrapolated: start and first training as measured, and the
mean of the others for each that is left out.

The same once more without anybody's start, as behind a page or in a notebook that has trained
before: Trickboard from launch to verdict with a worker that is ready, the others 24 times the mean
of their trainings but the first.

``b`` needs MNIST, ``c`` CIFAR-10 as JPEG in the folder that TRICKBOARD_DATA names.

Everybody has the same data, first weights, order of batches and points of evaluation, so the test
losses must be those of the loop by hand: the benchmark fails if one is further away than
``TOLERANCE``. The contenders take turns; figures are medians of the repeats.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder, which has a pages.py of its own
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.peers_table import table
from tests.benchmarks.peers_work import RUNS, WORKLOADS, experiment
from trainer.provenance import processor
from trainer.results import as_json
from trainer.store import Store

HERE = Path(__file__).parent
PEERS = ("by hand", "tutorial", "lightning", "fastai", "skorch")
TOLERANCE = {"cpu": 1e-3, "cuda": 0.05}  # of test loss, at every point; GPUs add in any order
VERSIONS = ("torch", "lightning", "fastai", "skorch", "numpy")


def environment() -> dict[str, str]:
    return os.environ | dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def begin(
    contender: str, workload: str, home: Path, numbers: range, device: str
) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "peers_loops.py"), contender, workload, str(home), device]
    return subprocess.Popen(
        [*command, *map(str, numbers)],
        env=environment(), cwd=HERE.parents[1], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def end(process: subprocess.Popen[str], contender: str) -> list[dict[str, Any]]:
    """What it printed.

    Raises:
        RuntimeError: it failed; the text has its last words.
    """
    out, err = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{contender}: {err[-2000:]}")
    return [json.loads(line) for line in out.splitlines() if line.startswith('{"number"')]


def trained(
    contender: str, workload: str, home: Path, processes: int, device: str
) -> tuple[float, float, list[dict[str, Any]]]:
    """Seconds for all 24 trainings in so many processes, with their start and without it.

    Extrapolated from a few, which are given too.
    """
    few = WORKLOADS[workload]["trainings"]
    share = RUNS // processes
    started = time.perf_counter()
    going = [
        begin(contender, workload, home, range(i * share, i * share + few), device)
        for i in range(processes)
    ]
    found = [end(one, contender) for one in going]
    took = time.perf_counter() - started
    each = max(statistics.mean(one["whole"] for one in own[1:]) for own in found)
    return took + (share - few) * each, share * each, [one for own in found for one in own]


def check(told: dict[str, Any]) -> None:
    runs = [run for arm in told["arms"] for run in arm["runs"]]
    if len(runs) != RUNS or any(run["state"] != "done" for run in runs):
        raise RuntimeError(f"not all of {RUNS} runs are done")


def whole_experiment(workload: str, home: Path, device: str) -> float:
    """Seconds of ``python -m trainer run`` with a fresh store."""
    with tempfile.TemporaryDirectory(dir=home) as fresh:
        (Path(fresh) / "data").symlink_to(home / "data")
        plan = Path(fresh) / "experiment.json"
        plan.write_text(json.dumps(experiment(workload, device).dump()))
        command = [sys.executable, "-m", "trainer", "run", str(plan), "--store", fresh, "--json"]
        started = time.perf_counter()
        done = subprocess.run(command, cwd=HERE.parents[1], text=True, capture_output=True)
        took = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"python -m trainer run: {done.stderr[-2000:]}")
    check(json.loads(done.stdout))
    return took


def from_launch(workload: str, home: Path, device: str) -> float:
    """Seconds from launch to verdict in a fresh store whose worker is ready, as behind a page."""
    command = [sys.executable, "-m", "trainer"]
    with tempfile.TemporaryDirectory(dir=home) as fresh:
        (Path(fresh) / "data").symlink_to(home / "data")
        store, plan = Store(fresh), experiment(workload, device)
        where = ["--store", fresh]
        worker = subprocess.Popen(
            [*command, "worker", *where], cwd=HERE.parents[1],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while (row := store.worker()) is None or row.state != "ready":
                time.sleep(0.1)
            time.sleep(1.0)
            started = time.perf_counter()
            id = store.launch(plan)
            while store.counts(id)[id].keys() & {"waiting", "running"}:
                time.sleep(0.02)
            saved = store.experiment(id)
            assert saved is not None
            told = as_json(saved, store.runs(id))
            took = time.perf_counter() - started
        finally:
            subprocess.run(
                [*command, "stop", *where], cwd=HERE.parents[1], check=True, capture_output=True
            )
            worker.wait(30)
            store.close()
    check(told)
    return took


def apart(
    curves: dict[int, list[Any]], found: list[dict[str, Any]], contender: str, tolerance: float
) -> float:
    """How far the curves of some trainings are from those by hand, at most.

    Raises:
        ValueError: further than ``tolerance``, or not judged at the same steps.
    """
    most = 0.0
    for one in found:
        theirs, curve = curves[one["number"]], one["curve"]
        if [step for step, _ in theirs] != [step for step, _ in curve]:
            raise ValueError(f"{contender} was judged at other steps than the loop by hand")
        most = max([most, *(abs(a - b) for (_, a), (_, b) in zip(theirs, curve, strict=True))])
    if most > tolerance:
        raise ValueError(f"{contender} is {most:.2g} from the loop by hand: not the same work")
    return most


def measure(workload: str, home: Path, repeats: int, device: str) -> dict[str, Any]:
    """Medians for every contender; ``apart`` is the largest distance of a curve."""
    rows: dict[str, list[dict[str, float]]] = {}
    curves: dict[int, list[Any]] = {}
    for repeat in range(repeats):
        for contender in (*PEERS, "engine"):
            one, one_warm, found = trained(contender, workload, home, 1, device)
            if contender == "engine":
                both, more = whole_experiment(workload, home, device), []
                both_warm = from_launch(workload, home, device)
            else:
                both, both_warm, more = trained(contender, workload, home, 2, device)
            if contender == "by hand":
                curves |= {run["number"]: run["curve"] for run in found + more}
            warm = found[1:]  # the first training of a process also imports
            rows.setdefault(contender, []).append(
                {
                    "training": statistics.median(r["samples"] / r["training"] for r in warm),
                    "all": statistics.median(r["samples"] / r["seconds"] for r in warm),
                    "processor": statistics.median(r["samples"] / r["processor"] for r in warm),
                    "one_process": one,
                    "two_processes": both,
                    "one_process_warm": one_warm,
                    "two_processes_warm": both_warm,
                    "apart": apart(curves, found + more, contender, TOLERANCE[device]),
                }
            )
            print(f"{workload} {repeat + 1}/{repeats} {contender}", file=sys.stderr, flush=True)
    return {
        "title": WORKLOADS[workload]["title"],
        "trainings": WORKLOADS[workload]["trainings"],
        "rows": {
            name: {key: statistics.median(one[key] for one in many) for key in many[0]}
            for name, many in rows.items()
        },
        "each": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", choices=TOLERANCE, default="cpu")
    parser.add_argument("--home", type=Path, help="where the data sets are kept between calls")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = (asked.home or Path(folder)).resolve()
        result: dict[str, Any] = {
            "processor": processor(asked.device),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "python": platform.python_version(),
            "versions": {one: version(one) for one in VERSIONS},
            "repeats": asked.repeats,
            "tolerance": TOLERANCE[asked.device],
            "runs": RUNS,
            "workloads": {},
        }
        for workload in asked.workloads:
            end(
                begin("engine", workload, home, range(1), asked.device), "engine"
            )  # the data set is made here
            result["workloads"][workload] = measure(workload, home, asked.repeats, asked.device)
    print(json.dumps(result, indent=1) if asked.json else table(result))


if __name__ == "__main__":
    main()
