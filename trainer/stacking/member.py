"""One run of a stack: everything that is its own.

What it does before its first step, and in which order, is what :func:`trainer.engine.train` does.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from trainer import checkpoint
from trainer.engine import progress, remake, sgd
from trainer.networks import kaiming, multiply_adds
from trainer.rates import own_rate, schedule
from trainer.record import Alternates, Moments, Place
from trainer.streams import number, stream
from trainer.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module, Parameter
    from torch.optim import Optimizer

    from trainer.experiment import Run
    from trainer.stacking.clock import Shared
    from tricks.base import Predictor


class Member:
    """A run: its tricks, generators, data, network and optimizer.

    ``error`` is what a hook of its tricks raised; such a run leaves the stack after the step.
    """

    def __init__(
        self, at: int, run: Run, clock: Shared, *, home: Path, device: str,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.at, self.run, self.clock, self.device = at, run, clock, device
        self.error: Exception | None = None
        self.earlier = 0.0  # seconds of training before this stack
        self.epoch = 0
        self.last: dict[str, float] = {}
        setup, tricks = run.setup, run.arm.make()
        self.setup, self.tricks, self.moments = setup, tricks, Moments(tricks)
        moments = self.moments
        self.draws = {one.id(): stream(run.seed, f"trick/{one.id()}") for one in moments}
        task = self.task = task_of(run, home=home, device=device, say=say)
        tools = self.tools = task.tools(lambda: progress(setup, clock.steps, self.seconds))
        for trick in moments:
            trick.tools = tools
        for trick in moments["dataset"]:
            before = tools.split
            tools.split = trick.dataset(before, self.draws[trick.id()])
            task.changed(trick.id(), before, tools.split)
        self.begun_with = tools.split

        self.spec = task.spec()
        for trick in moments["network"]:
            self.spec = trick.network(self.spec)
        self.network = self.built("init")
        self.work = multiply_adds(self.network, setup.image)
        task.to_device(self.network)
        self.parameters = list(self.network.parameters())
        # What its layers draw from: as if torch's own generator had this seed.
        self.layers = torch.Generator(device if device.startswith("cuda") else "cpu")
        self.layers.manual_seed(number(run.seed, "layers"))

        self.rate = schedule(setup, tricks, run.arm.lr_scale)
        self.row: Parameter = torch.nn.Parameter(torch.empty(0))  # its weights in the stack
        self.slopes: Tensor = torch.empty(0)  # its gradients there
        make = moments.only("optimizer")
        self.plain = make is None
        lr = own_rate(setup, tricks, run.arm.lr_scale)
        self.optimizer: Optimizer = make(self.parameters, lr) if make else sgd(self.row, lr)
        tools.network, tools.optimizer, tools.restart = self.network, self.optimizer, self.restart
        self.place = Place(tools.split)
        self.shuffle = stream(run.seed, "order")
        self.mixing = Alternates(moments["batch"], stream(run.seed, "alternates"))

    def built(self, life: str) -> Module:
        """The network with its first weights, on the CPU."""
        network = self.task.build(self.spec)
        initialize = self.moments.only("initialize") or kaiming
        initialize(network, stream(self.run.seed, life))
        for trick in self.moments["surgery"]:
            network = trick.surgery(network, self.tools.split, self.draws[trick.id()])
        return network

    def restart(self, life: int) -> None:
        self.network.load_state_dict(self.built(f"init/{life}").state_dict())
        self.optimizer.state.clear()

    def begin(self) -> None:
        """The last moment before the first step."""
        for trick in self.moments["begin"]:
            trick.begin(self.draws[trick.id()])

    @property
    def seconds(self) -> float:
        """Its share of the time in which the stack trained, and what it trained before."""
        return self.earlier + self.clock.seconds

    @contextmanager
    def trying(self) -> Iterator[None]:
        """A moment of this run: what goes wrong in it ends this run alone."""
        try:
            yield
        except Exception as error:
            self.error = self.error or error

    def begun(self) -> Place:
        """Its place, in an epoch that is not over."""
        if self.place.over:
            split = self.tools.split
            order = None
            if sample := self.moments.only("sampler"):
                with self.trying():
                    order = sample(split, self.draws[self.moments["sampler"][0].id()])
            if order is None:
                order = torch.randperm(len(split.y), generator=self.shuffle)
            self.place.begin(order, split, self.setup.batch_size)
        return self.place

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Its batch as its tricks change it."""
        for trick in self.mixing.of_this_batch():
            x, y = trick.batch(x, y, self.draws[trick.id()])
        return x, y

    def predictor(self) -> Predictor:
        predict: Predictor = self.network
        for trick in self.moments["predictor"]:
            predict = trick.predictor(self.network, predict)
        return predict

    def roots(self) -> dict[str, Any]:
        """All that training changes, as the engine names it."""
        return {
            "network": self.network,
            "optimizer": self.optimizer,
            "draws": [*self.draws.values(), self.shuffle, self.mixing.rng, self.task.draws],
            "layers": self.layer_states(),
            "tools": self.tools,
            "tricks": self.tricks,
            "task": self.task.counts,
            "place": self.place,
            "last": self.last,
            "seconds": self.seconds,
        }

    def known(self) -> list[Any]:
        """What is the same after the run was built again."""
        known: list[Any] = [self.row, self.slopes]
        for split in (self.task.split, self.begun_with):
            known += [split, split.x, split.y, split.index]
        return known

    def layer_states(self) -> list[Tensor]:
        """The engine keeps the state of the CPU's generator first, then that of the GPU."""
        if self.layers.device.type == "cpu":
            return [self.layers.get_state()]
        return [torch.get_rng_state(), self.layers.get_state()]

    def snapshot(self, step: int) -> dict[str, Any]:
        """An ordinary checkpoint of this run."""
        state = checkpoint.capture(self.roots(), self.known())
        return {"run": self.run.id, "step": step, "epoch": self.epoch, "state": state}

    def resume(self, given: Mapping[str, Any]) -> None:
        """Go on from a checkpoint of this run, whoever made it."""
        self.epoch = given["epoch"]
        got = checkpoint.restore(given["state"], self.roots(), self.known(), remake)
        self.earlier = got["seconds"]
        self.layers.set_state(got["layers"][-1].cpu())
