"""What makes the loop by hand faster, and what does not: variants of it, one change each.

    python tests/benchmarks/tried.py [--workloads a b] [--repeats 7] [--compile] [--device cuda]

Microseconds of a step (and of a model, where several are trained at once), the median of repeats
in which the variants take turns, in wall time and in processor time of this process. ``--compile``
adds torch.compile, which takes minutes; its first step is told apart. Nothing is judged here. On a
GPU a step is tried as a CUDA graph, too.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.pop(0)  # this folder, which has a pages.py of its own
sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from torch import func
from torch.nn.functional import cross_entropy

from tests.benchmarks.peers_work import WORKLOADS, Work
from trainer.provenance import processor
from trainer.record import Flat

if TYPE_CHECKING:
    from collections.abc import Callable

    Step = Callable[[torch.Tensor], None]

MODELS = 6


def descent(work: Work, network: torch.nn.Module, **options: Any) -> Step:
    """A plain step: gather, forward, backward, torch's own SGD with some options."""
    optimizer = torch.optim.SGD(network.parameters(), lr=work.lr, **options)

    def step(rows: torch.Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(network(work.x[rows]), work.y[rows]).backward()
        optimizer.step()

    return step


def flat(work: Work, network: torch.nn.Module) -> Step:
    """The engine's way: all weights in one buffer, all gradients in another."""
    held = Flat(network)

    def step(rows: torch.Tensor) -> None:
        held.clear()
        cross_entropy(network(work.x[rows]), work.y[rows]).backward()
        held.weights.data.add_(held.gradients, alpha=-work.lr)

    return step


def autocast(work: Work, network: torch.nn.Module) -> Step:
    """bfloat16 where torch thinks it fits."""
    optimizer = torch.optim.SGD(network.parameters(), lr=work.lr, fused=True)

    def step(rows: torch.Tensor) -> None:
        optimizer.zero_grad()
        with torch.autocast(work.device.type, torch.bfloat16):
            loss = cross_entropy(network(work.x[rows]), work.y[rows])
        loss.backward()
        optimizer.step()

    return step


def rows_first(work: Work, network: torch.nn.Module) -> Step:
    """Maps in torch's default layout instead of channels_last."""
    network.to(memory_format=torch.contiguous_format)
    x = work.x.contiguous()
    optimizer = torch.optim.SGD(network.parameters(), lr=work.lr, fused=True)

    def step(rows: torch.Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(network(x[rows]), work.y[rows]).backward()
        optimizer.step()

    return step


def by_vmap(work: Work, network: torch.nn.Module) -> Step:
    """Six models as one program, by torch.func."""
    models = [copy.deepcopy(network) for _ in range(MODELS)]
    weights, buffers = func.stack_module_state(models)
    held = {name: one.detach() for name, one in weights.items()}

    def loss(one: Any, buffer: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return cross_entropy(func.functional_call(network, (one, buffer), (x,)), y)

    slopes = func.vmap(func.grad(loss))

    def step(rows: torch.Tensor) -> None:
        every = rows.expand(MODELS, -1)
        found = slopes(held, buffers, work.x[every], work.y[every])
        with torch.no_grad():
            for name, one in held.items():
                one.add_(found[name], alpha=-work.lr)

    return step


def cuda_graph(work: Work, network: torch.nn.Module) -> Step:
    """The whole step recorded once, and launched as one: only the rows of the batch change."""
    held = Flat(network)
    rows = torch.arange(work.batch, device=work.device)

    def plain() -> None:
        held.gradients.zero_()
        cross_entropy(network(work.x[rows]), work.y[rows]).backward()
        held.weights.data.add_(held.gradients, alpha=-work.lr)

    side = torch.cuda.Stream(work.device)
    side.wait_stream(torch.cuda.current_stream(work.device))
    with torch.cuda.stream(side):  # what a first step allocates must not be recorded
        for _ in range(3):
            plain()
    torch.cuda.current_stream(work.device).wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        plain()

    def step(new: torch.Tensor) -> None:
        rows.copy_(new)
        graph.replay()

    return step


def variants(work: Work, compiled: bool) -> dict[str, tuple[Step, int, int]]:
    """By name: a step, the threads it is given, the models it trains."""

    def fresh() -> torch.nn.Module:
        return copy.deepcopy(work.network).train()

    made: dict[str, tuple[Step, int, int]] = {
        "by hand (fused SGD)": (descent(work, fresh(), fused=True), 1, 1),
        "foreach SGD": (descent(work, fresh(), foreach=True), 1, 1),
        "SGD as it comes": (descent(work, fresh()), 1, 1),
        "flat buffers": (flat(work, fresh()), 1, 1),
        "bfloat16 autocast": (autocast(work, fresh()), 1, 1),
        f"{MODELS} models by vmap": (by_vmap(work, fresh()), 1, MODELS),
    }
    if work.device.type == "cuda":
        made["CUDA graph, flat buffers"] = (cuda_graph(work, fresh()), 1, 1)
    else:
        made["2 threads"] = (descent(work, fresh(), fused=True), 2, 1)
    if work.x.shape[1] > 1 or work.task.images:
        made["not channels_last"] = (rows_first(work, fresh()), 1, 1)
    if work.run.setup.network.kind == "cnn":
        network = work.task.build(work.task.spec())
        work.task.to_device(network)
        made["pooling in front of ReLU"] = (descent(work, network.train(), fused=True), 1, 1)
    if compiled:
        network = torch.compile(fresh())
        made["torch.compile"] = (descent(work, network, fused=True), 1, 1)
    return made


def measure(workload: str, home: Path, repeats: int, compiled: bool, device: str) -> dict[str, Any]:
    """By variant: microseconds of wall and processor, the first step's seconds."""
    work = Work(workload, 0, home, device)
    steps = 100 if workload == "a" else 6
    rows = [work.order()[: work.batch].to(work.device) for _ in range(steps)]
    every = variants(work, compiled)
    first: dict[str, float] = {}
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in every}
    for repeat in range(repeats + 1):
        for name, (step, threads, models) in every.items():
            torch.set_num_threads(threads)
            work.wait()
            begin, spent = time.perf_counter(), time.process_time()
            if repeat == 0:
                step(rows[0])
                work.wait()
                first[name] = time.perf_counter() - begin
                step(rows[1])
                continue
            for one in rows:
                step(one)
            work.wait()
            each = 1e6 / (steps * models)
            wall, own = time.perf_counter() - begin, time.process_time() - spent
            took[name].append((wall * each, own * each))
    torch.set_num_threads(1)
    return {
        name: {
            "wall": statistics.median(wall for wall, _ in many),
            "processor": statistics.median(own for _, own in many),
            "first_step": first[name],
        }
        for name, many in took.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=["a", "b"])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--home", type=Path, help="where the data sets are kept between calls")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = (asked.home or Path(folder)).resolve()
        found = {
            one: measure(one, home, asked.repeats, asked.compile, asked.device)
            for one in asked.workloads
        }
    if asked.json:
        print(json.dumps({"processor": processor(asked.device), "found": found}, indent=1))
        return
    print(f"{processor(asked.device)}, {os.cpu_count()} cores, torch {torch.__version__}")
    for workload, rows in found.items():
        hand = rows["by hand (fused SGD)"]
        print(f"\n{WORKLOADS[workload]['title']}, {asked.repeats} repeats\n")
        print("| | us a step, wall | speed | us of processor | speed | first step, s |")
        print("|---|---|---|---|---|---|")
        for name, one in rows.items():
            print(
                f"| {name} | {one['wall']:,.0f} | {hand['wall'] / one['wall']:.2f} | "
                f"{one['processor']:,.0f} | {hand['processor'] / one['processor']:.2f} | "
                f"{one['first_step']:.1f} |"
            )


if __name__ == "__main__":
    main()
