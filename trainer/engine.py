"""The training loop: one run, from its seed to its last number, as a generator of points.

The engine knows no store and no trick by name. The moments stand in :func:`train` in the order in
which they happen; a moment that no trick of the arm changes costs nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import torch

from trainer import reports
from trainer.grid import evaluation_steps
from trainer.networks import kaiming, multiply_adds
from trainer.rates import PARTS, own_rate, schedule
from trainer.record import Alternates, Clock, Diverged, Flat, Moments, Point, Record
from trainer.streams import number, stream
from trainer.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer

    from trainer.experiment import Run, Setup
    from tricks.base import Predictor

FLUSH = 0.2  # seconds after which steps are handed on even if no evaluation is due


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended. ``seconds`` is training time, evaluation not counted.

    ``report`` is what was found out about the network and by the tricks; README.md lists the keys.
    """

    state: Literal["done", "diverged"]
    steps: int
    seconds: float
    metrics: dict[str, float]
    text: str | None = None
    report: dict[str, Any] = field(default_factory=dict)


def train(
    run: Run,
    *,
    home: Path,
    device: str = "cpu",
    say: Callable[[str], None] = lambda text: None,
) -> Generator[Point, None, Outcome]:
    """Train one run and yield its points; the generator's return value is the outcome.

    Args:
        run: what to train. Same run on one CPU thread: same points, bit for bit.
        home: where the data sets are.
        device: "cpu", "cuda", "cuda:N" or "mps".
        say: is told what happens before the first step.

    Raises:
        DataError: the data set is not there and cannot be had.
    """
    setup, tricks = run.setup, run.arm.make()
    moments = Moments(tricks)
    draws = {trick.id(): stream(run.seed, f"trick/{trick.id()}") for trick in moments}
    task = task_of(run, home=home, device=device, say=say)
    record, clock = Record(), Clock(device)
    tools = task.tools(lambda: progress(setup, record.steps, clock.seconds))
    for trick in moments:
        trick.tools = tools
    for trick in moments["dataset"]:
        before = tools.split
        tools.split = trick.dataset(before, draws[trick.id()])
        task.changed(trick.id(), before, tools.split)

    spec = task.spec()
    for trick in moments["network"]:
        spec = trick.network(spec)
    initialize = moments.only("initialize") or kaiming

    def built(life: str) -> Module:
        """The network with its first weights, on the CPU."""
        network = task.build(spec)
        initialize(network, stream(run.seed, life))
        for trick in moments["surgery"]:
            network = trick.surgery(network, tools.split, draws[trick.id()])
        return network

    network = built("init")
    work = multiply_adds(network, setup.image)
    task.to_device(network)
    torch.manual_seed(number(run.seed, "layers"))  # what dropout layers draw from

    rate = schedule(setup, tricks, run.arm.lr_scale)
    flat, lr = Flat(network), own_rate(setup, tricks, run.arm.lr_scale)
    make_optimizer = moments.only("optimizer")
    optimizer = (
        make_optimizer(network.parameters(), lr) if make_optimizer else sgd(flat.weights, lr)
    )
    take_step = moments.only("step") or plain_step
    loss_of = moments.only("loss")
    soft = loss_of is not None or bool(moments["batch"])
    due = evaluation_steps(setup, work, task.judged)
    last: dict[str, float] = {}

    def restart(life: int) -> None:
        network.load_state_dict(built(f"init/{life}").state_dict())
        optimizer.state.clear()

    tools.network, tools.optimizer, tools.restart = network, optimizer, restart

    def epochs() -> Iterator[tuple[Tensor, Tensor, bool]]:
        """Batches without end; the flag marks the last one of an epoch."""
        sample, shuffle = moments.only("sampler"), stream(run.seed, "order")
        while True:
            split = tools.split
            if sample:
                order = sample(split, draws[moments["sampler"][0].id()])
            else:
                order = torch.randperm(len(split.y), generator=shuffle)
            count = max(1, len(order) // setup.batch_size)
            batches = task.batches(order, split, setup.batch_size, soft=soft)
            for i, (x, y) in enumerate(batches, 1):
                yield x, y, i == count

    def predictor() -> Predictor:
        predict: Predictor = network
        for trick in moments["predictor"]:
            predict = trick.predictor(network, predict)
        return predict

    def evaluate(step: int) -> Iterator[Point]:
        network.eval()
        last.update(task.evaluate(predictor()))
        network.train()
        if not math.isfinite(last["test_loss"]):
            raise Diverged(step)
        yield from (Point(step, key, value) for key, value in last.items())
        yield Point(step, "seconds", clock.seconds)
        beside = reports.on_grid(network, *task.seen, trained=step > 0)
        yield from (Point(step, key, value) for key, value in beside.items())
        if step:
            yield Point(step, "samples_per_second", step * setup.batch_size / clock.seconds)

    mixing = Alternates(moments["batch"], stream(run.seed, "alternates"))
    for trick in moments["begin"]:
        trick.begin(draws[trick.id()])
    try:
        yield from evaluate(0)
        network.train()
        clock.start()
        epoch = 0
        for step, (x, y, ends_epoch) in enumerate(epochs(), 1):
            lr = rate(step - 1 if setup.seconds is None else clock.part(setup.seconds, PARTS))
            for group in optimizer.param_groups:
                group["lr"] = lr
            for trick in mixing.of_this_batch():
                x, y = trick.batch(x, y, draws[trick.id()])

            def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
                flat.clear()
                logits = network(x)
                loss = loss_of(logits, y).mean(dim=-1) if loss_of else task.mean_loss(logits, y)
                for trick in moments["batch_loss"]:
                    loss = trick.batch_loss(loss)
                for trick in moments["penalty"]:
                    loss = loss + trick.penalty(network)
                loss.backward()
                record.norm(flat)
                for trick in moments["gradients"]:
                    trick.gradients(network)
                return loss

            loss = take_step(optimizer, closure, network)
            record.step(loss, lr)
            for trick in moments["after_step"]:
                trick.after_step(network, step)
            if ends_epoch:
                epoch += 1
                for trick in moments["after_epoch"]:
                    trick.after_epoch(network, epoch)

            over = step == setup.total_steps if setup.seconds is None else clock.over(setup.seconds)
            judge = over or due(step, clock.seconds)
            if judge or record.age() > FLUSH:
                with clock.paused():
                    yield from record.flush(step)
                    if judge:
                        yield from evaluate(step)
            if over:
                break
        network.eval()
        clock.stop()
        metrics = task.final(predictor(), last)
        found = reports.report(network, task, tricks)
    except Diverged as end:
        clock.stop()
        return Outcome(
            state="diverged", steps=end.step, seconds=clock.seconds, metrics={}, text=str(end)
        )
    metrics["samples_per_second"] = step * setup.batch_size / clock.seconds
    metrics |= found.metrics
    return Outcome(
        state="done", steps=step, seconds=clock.seconds, metrics=metrics, report=found.data
    )


def progress(setup: Setup, steps: int, seconds: float) -> float:
    """How much of the budget is used up, 0 to 1."""
    total = setup.total_steps
    return min(1.0, steps / total if total else seconds / (setup.seconds or 1.0))


def sgd(weights: torch.nn.Parameter, lr: float) -> Optimizer:
    """The baseline's optimizer: plain gradient descent, no momentum, no decay."""
    return torch.optim.SGD([weights], lr=lr)


def plain_step(optimizer: Optimizer, closure: Callable[[], Tensor], network: Module) -> Tensor:
    """One step of an optimizer that needs the gradients once."""
    loss = closure()
    optimizer.step()
    return loss
