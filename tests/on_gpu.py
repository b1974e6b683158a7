"""What only a GPU can show. Not collected by itself: elsewhere there is nothing to run it on.

    pytest tests/on_gpu.py                       needs CUDA
    TRY_ON=cpu pytest tests/on_gpu.py            what of it can be tried without

A GPU adds up in any order, so curves agree with those of a processor, and with each other, as far
as rounding goes: that is looked at in their first steps, before it grows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from trainer.engine import train
from trainer.experiment import parse
from trainer.lawbench import NETWORKS, Bench, curve, experiment_of
from trainer.provenance import of_report
from trainer.store import Store
from tricks import built_in

if TYPE_CHECKING:
    from trainer.experiment import Run
    from trainer.lawbench import Curve
    from trainer.rows import RunRow
    from tricks.base import Trick

DEVICE = os.environ.get("TRY_ON", "cuda")
ROOT = Path(__file__).parents[1]
EARLY = 5  # steps
TRICKS = pytest.mark.parametrize("trick", built_in().values(), ids=lambda one: one.id())
only_cuda = pytest.mark.skipif(DEVICE == "cpu", reason="a processor has no such thing")
pytestmark = pytest.mark.skipif(
    DEVICE == "cuda" and not torch.cuda.is_available(), reason="there is no CUDA here"
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(home=tmp_path_factory.mktemp("home"), device=DEVICE)


def plain(kind: str, steps: int = 40) -> Run:
    setup = {"dataset": "digits", "train_size": 256, "steps": steps, "network": NETWORKS[kind]}
    return parse(experiment_of(setup, [])).runs()[0]


def early(found: Curve) -> list[float]:
    """The training losses of the first steps."""
    return [one.value for one in found.points if one.key == "loss" and one.step <= EARLY]


@pytest.mark.parametrize("kind", NETWORKS)
def test_it_learns_what_a_processor_learns(kind: str, bench: Bench) -> None:
    here, there = (curve(train(plain(kind), home=bench.home, device=d)) for d in (DEVICE, "cpu"))
    assert len(here.points) == len(there.points)
    assert early(here) == pytest.approx(early(there), rel=1e-2) and early(here)
    mine, theirs = (one.outcome.metrics["test_accuracy"] for one in (here, there))
    assert mine == pytest.approx(theirs, abs=0.1)
    made = of_report(here.outcome.report)
    assert made is not None and made["device"] == DEVICE
    if DEVICE == "cuda":
        assert made["processor"] == torch.cuda.get_device_name(0)


@TRICKS
def test_a_trick_trains_in_its_networks_goes_on_and_stacks(
    trick: type[Trick], bench: Bench
) -> None:
    for kind in trick.kinds:
        alone = bench.run(trick, kind=kind, steps=20)
        assert alone.points, kind
        parts = bench.interrupted(trick, kind, [7])
        whole = bench.run(trick, {}, kind=kind)
        assert [one[:2] for one in parts.points][:50] == [one[:2] for one in whole.points][:50]
        assert early(parts) == pytest.approx(early(whole), rel=1e-2), kind
        both = bench.stacked(trick, kind)
        for one, other in zip(*both, strict=True) if both else ():
            assert early(one) == pytest.approx(early(other), rel=1e-2), kind


@only_cuda
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_step_does_not_wait_for_the_gpu(kind: str, bench: Bench) -> None:
    """Twice the steps, no more synchronizations but for those of what is judged."""

    def waits(steps: int) -> float:
        points = train(plain(kind, steps), home=bench.home, device=DEVICE)
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                judged = sum(point.key == "test_loss" for point in points)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        return len(told) / judged

    waits(200)
    assert waits(800) < 2 * waits(200) + 5


@only_cuda
def test_too_much_for_the_gpu_is_told(home: Path) -> None:
    free, _ = torch.cuda.mem_get_info()
    held = torch.empty(max(0, free - 2 * 1024**3), dtype=torch.uint8, device="cuda")
    network = {"kind": "cnn", "depth": 3, "width": 64}
    plan = experiment_of(
        {"dataset": "shapes", "train_size": 4096, "batch_size": 4096, "steps": 5, "device": "cuda"}
        | {"network": network},
        [],
    )
    runs = runs_of(plan, home)
    del held
    assert [run.error_kind for run in runs] == ["out_of_memory"]


def test_an_experiment_shares_the_gpu_and_tells_its_memory(home: Path) -> None:
    setup = {"dataset": "digits", "train_size": 256, "steps": 200, "network": NETWORKS["mlp"]}
    plan = experiment_of(setup | {"device": DEVICE}, []) | {"seeds": list(range(8))}
    runs = runs_of(plan, home)
    assert [run.state for run in runs] == ["done"] * 8
    assert all((run.device or "").startswith(DEVICE) for run in runs)
    if DEVICE == "cuda":
        assert all(run.gpu_memory for run in runs)


def runs_of(plan: dict[str, Any], home: Path) -> list[RunRow]:
    """An experiment's runs, after the command line has trained it."""
    file = home / "plan.json"
    file.write_text(json.dumps(plan))
    command = [sys.executable, "-m", "trainer", "run", str(file), "--store", str(home)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    store = Store(home)
    (saved,) = store.experiments()
    runs = store.runs(saved.id)
    assert runs, done.stderr
    return runs
