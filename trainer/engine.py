"""The training loop: one run, from its seed to its last number, as a generator of points.

The engine knows no store and no trick by name. The moments stand in :func:`train` in the order in
which they happen; a moment that no trick of the arm changes costs nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch

from trainer import checkpoint, reports
from trainer.grid import evaluation_steps
from trainer.networks import kaiming, multiply_adds
from trainer.provenance import KEY, made_with
from trainer.rates import PARTS, own_rate, schedule
from trainer.record import Alternates, Clock, Diverged, Flat, Moments, Place, Point, Record
from trainer.streams import number, stream
from trainer.tasks import task_of
from tricks.base import Trick

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
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


class Saver(Protocol):
    """Who keeps the checkpoints of a run."""

    def wanted(self) -> bool:
        """Whether one is due; asked after every step."""

    def save(self, make: Callable[[], Mapping[str, Any]]) -> None:
        """Keep what ``make`` gives; all points of its steps were yielded before.

        ``make`` raises ``Unkept`` if something of the run fits into no checkpoint.
        """


def train(
    run: Run,
    *,
    home: Path,
    device: str = "cpu",
    say: Callable[[str], None] = lambda text: None,
    saver: Saver | None = None,
    resume: Mapping[str, Any] | None = None,
) -> Generator[Point, None, Outcome]:
    """Train one run and yield its points; the generator's return value is the outcome.

    Args:
        run: what to train. Same run on one CPU thread: same points, bit for bit.
        home: where the data sets are.
        device: "cpu", "cuda", "cuda:N" or "mps".
        say: is told what happens before the first step.
        saver: keeps checkpoints.
        resume: a checkpoint of this run. Its points go on after it, on one CPU thread bit for bit
            as if it had not been interrupted.

    Raises:
        DataError: the data set is not there and cannot be had.
        Unkept: ``resume`` is not a checkpoint of this run.
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
    begun_with = tools.split

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
    plain = plain_step if make_optimizer else partial(descend, flat)
    take_step = moments.only("step") or plain
    loss_of = moments.only("loss")
    soft = loss_of is not None or bool(moments["batch"])
    due = evaluation_steps(setup, work, task.judged)
    last: dict[str, float] = {}

    def restart(life: int) -> None:
        network.load_state_dict(built(f"init/{life}").state_dict())
        optimizer.state.clear()

    tools.network, tools.optimizer, tools.restart = network, optimizer, restart

    place = Place(tools.split)
    shuffle = stream(run.seed, "order")

    def epochs() -> Iterator[tuple[Tensor, Tensor, bool]]:
        """Batches without end; the flag marks the last one of an epoch."""
        sample = moments.only("sampler")
        while True:
            if place.over:
                if sample:
                    order = sample(tools.split, draws[moments["sampler"][0].id()])
                else:
                    order = torch.randperm(len(tools.split.y), generator=shuffle)
                place.begin(order, tools.split, setup.batch_size)
            for x, y in task.batches(place.left, place.split, setup.batch_size, soft=soft):
                place.done += 1
                yield x, y, place.over

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

    known: list[Any] = [flat.weights, flat.gradients]
    for split in (task.split, begun_with):
        known += [split, split.x, split.y, split.index]

    def roots() -> dict[str, Any]:
        """All that training changes."""
        return {
            "network": network,
            "optimizer": optimizer,
            "draws": [*draws.values(), shuffle, mixing.rng, task.draws],
            "layers": layer_draws(device),
            "tools": tools,
            "tricks": tricks,
            "task": task.counts,
            "place": place,
            "last": last,
            "seconds": clock.seconds,
        }

    def snapshot(step: int, epoch: int) -> dict[str, Any]:
        state = checkpoint.capture(roots(), known)
        return {"run": run.id, "step": step, "epoch": epoch, "state": state}

    first, epoch = 0, 0
    if resume:
        got = checkpoint.restore(resume["state"], roots(), known, remake)
        clock.before, record.steps = got["seconds"], resume["step"]
        give_layers(device, got["layers"])
        first, epoch = resume["step"], resume["epoch"]
    try:
        if not resume:
            yield from evaluate(0)
            network.train()
        clock.start()
        for step, (x, y, ends_epoch) in enumerate(epochs(), first + 1):
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
            if saver and saver.wanted():
                with clock.paused():
                    yield from record.flush(step)
                    saver.save(partial(snapshot, step, epoch))
        network.eval()
        clock.stop()
        metrics = task.final(predictor(), last)
        found = reports.report(network, task, tricks)
    except Diverged as end:
        clock.stop()
        return Outcome(
            state="diverged",
            steps=end.step,
            seconds=clock.seconds,
            metrics={},
            text=str(end),
            report={KEY: made_with(device)},
        )
    metrics["samples_per_second"] = step * setup.batch_size / clock.seconds
    metrics |= found.metrics
    told = found.data | {KEY: made_with(device)}
    return Outcome(state="done", steps=step, seconds=clock.seconds, metrics=metrics, report=told)


def layer_draws(device: str) -> list[Tensor]:
    """The state of the generators that dropout layers draw from."""
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.startswith("cuda") else states


def give_layers(device: str, states: list[Tensor]) -> None:
    """Let dropout layers draw on from there."""
    torch.set_rng_state(states[0].cpu())
    if device.startswith("cuda") and len(states) > 1:
        torch.cuda.set_rng_state(states[1].cpu(), device)


def remake(name: str, owner: Any) -> Any:
    """What a trick made for itself during training, new again."""
    if not isinstance(owner, Trick):
        raise checkpoint.Unkept(f"{name} came to be during training and cannot be made again")
    return owner.remake(name)


def progress(setup: Setup, steps: int, seconds: float) -> float:
    """How much of the budget is used up, 0 to 1."""
    total = setup.total_steps
    return min(1.0, steps / total if total else seconds / (setup.seconds or 1.0))


def sgd(weights: torch.nn.Parameter, lr: float) -> Optimizer:
    """The baseline's optimizer: plain gradient descent, no momentum, no decay."""
    return Descent([weights], lr=lr)


class Descent(torch.optim.SGD):
    """That optimizer, made without torch's compiler, which takes longer to import than many a run.

    torch keeps the compiler out of ``add_param_group``, and imports it for that.
    """

    elementwise = True  # for trainer/stacking

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        kept_out = torch.optim.Optimizer.add_param_group
        getattr(kept_out, "__wrapped__", kept_out)(self, param_group)


def plain_step(optimizer: Optimizer, closure: Callable[[], Tensor], network: Module) -> Tensor:
    """One step of an optimizer that needs the gradients once."""
    loss = closure()
    optimizer.step()
    return loss


def descend(
    flat: Flat, optimizer: Optimizer, closure: Callable[[], Tensor], network: Module
) -> Tensor:
    """One step of the baseline: what its optimizer would do, without the books that it keeps."""
    loss = closure()
    flat.weights.data.add_(flat.gradients, alpha=-optimizer.param_groups[0]["lr"])
    return loss
