"""Several runs side by side: what a step and an evaluation are, for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from trainer import reports
from trainer.stacking import losses
from trainer.stacking.feed import Feed
from trainer.stacking.judge import Judge
from trainer.stacking.optimizers import stepper
from trainer.stacking.rows import Rows
from trainer.stacking.tricks import alike, at_once
from trainer.stacking.twin import twin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from trainer.stacking.member import Member
    from tricks.base import Trick

    Values = dict[str, float]


class Stack:
    """Runs in one program. Made anew from those that stay when one leaves."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = list(members)
        moments = self.moments = members[0].moments
        networks = [member.network for member in members]
        self.rows = rows = Rows(networks)
        for member, weights, slopes in zip(members, rows.weights.data, rows.gradients, strict=True):
            member.row.data, member.slopes = weights, slopes
        self.twin = twin_of(networks, rows, [member.layers for member in members])
        self.alike = alike(members[0].tricks)
        self.optimizer = stepper(members, rows, alike=self.alike)
        mixes = bool(moments["batch"])
        self.feed = Feed(members, soft=mixes or bool(moments["loss"]), kept=mixes)
        self.judge = Judge(members, self.twin, rows)
        self.entropy: losses.CrossEntropy | None = None
        self.plain = not (moments["loss"] or moments["batch_loss"])
        self.touched = any(moments[one] for one in TOUCH)
        rows.check()

    def each(self, moment: str, do: Callable[[Member, Trick], object]) -> None:
        """A moment of every run's own tricks."""
        tricks = self.moments[moment]
        if not tricks:
            return
        for member in self.members:
            if member.error is None:
                with member.trying():
                    for trick in member.moments[moment]:
                        do(member, trick)

    def rates(self, step: int) -> float | list[float]:
        """The learning rate of a step: of all runs, or of each."""
        if self.alike:
            one = self.members[0].rate(step - 1)
            rates = [one] * len(self.members)
        else:
            rates = [member.rate(step - 1) for member in self.members]
        for member, lr in zip(self.members, rates, strict=True):
            for group in member.optimizer.param_groups:
                group["lr"] = lr
        return one if self.alike else rates

    def batch(self) -> tuple[Tensor, Tensor]:
        """The batch (M, N, ...) of the next step, as the tricks change it."""
        x, y = self.feed.next()
        if not self.moments["batch"]:
            return x, y
        xs, ys = [], []
        for member, own_x, own_y in zip(self.members, x, y, strict=True):
            with member.trying():
                own_x, own_y = member.batch(own_x, own_y)
            xs.append(own_x)
            ys.append(own_y)
        return torch.stack(xs), torch.stack(ys)

    def closure(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each run, (M,) or its parts (M, N), and the norm of its gradients (M,).

        The gradients are there then. The norms are those before any trick changes the gradients.
        """
        rows, twin = self.rows, self.twin
        if self.touched:
            rows.check()
        rows.begin()
        logits = twin.forward(x, True)
        if self.plain:
            if self.entropy is None or self.entropy.shape != logits.shape:
                self.entropy = losses.CrossEntropy(logits)
            loss, slope = self.entropy.both(logits, y)
        else:
            loss, slope = self.through_tricks(logits, y)
        twin.backward(slope)
        rows.end()
        if self.moments["penalty"]:
            loss = losses.averaged(loss) if loss.dim() > 1 else loss
            loss = loss + self.penalties()
        norms = rows.norms()
        self.each("gradients", lambda member, trick: trick.gradients(member.network))
        return loss, norms

    def through_tricks(self, logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The losses (M,) as the tricks have them, and their slopes (M, N, C)."""
        leaf = logits.detach().requires_grad_()
        with torch.enable_grad():
            loss = self.mean_losses(leaf, y)
            for i, trick in enumerate(self.moments["batch_loss"]):
                if at_once(trick):
                    loss = trick.batch_loss(loss)
                    continue
                own = []
                for member, one in zip(self.members, loss.unbind(0), strict=True):
                    with member.trying():
                        one = member.moments["batch_loss"][i].batch_loss(one)
                    own.append(one)
                loss = torch.stack(own)
        (slope,) = torch.autograd.grad(loss, leaf, torch.ones_like(loss))
        return loss.detach(), slope

    def mean_losses(self, logits: Tensor, y: Tensor) -> Tensor:
        """The mean loss of each run's batch, (M,)."""
        if not self.moments["loss"]:
            means = [self.members[0].task.mean_loss(*one) for one in zip(logits, y, strict=True)]
            return torch.stack(means)
        trick = self.moments["loss"][0]
        if at_once(trick):
            return trick.loss(logits, y).mean(dim=-1)
        means = []
        for member, own, labels in zip(self.members, logits.unbind(0), y, strict=True):
            mean = own.sum() * 0
            with member.trying():
                mean = member.moments["loss"][0].loss(own, labels).mean(dim=-1)
            means.append(mean)
        return torch.stack(means)

    def penalties(self) -> Tensor:
        """What is added to each run's loss for its weights, (M,); their slopes are added too."""
        found = torch.zeros(len(self.members), device=self.rows.weights.device)
        for m, member in enumerate(self.members):
            with member.trying(), torch.enable_grad():
                for trick in member.moments["penalty"]:
                    penalty = trick.penalty(member.network)
                    if penalty.requires_grad:
                        torch.autograd.backward(penalty)
                    found[m] += penalty.detach()
        return found

    def after(self, step: int) -> None:
        """What the tricks do after a step, and where an epoch of their run ends."""
        self.each("after_step", lambda member, trick: trick.after_step(member.network, step))
        for member in self.members:
            if member.place.over and member.error is None:
                member.epoch += 1
                with member.trying():
                    for trick in member.moments["after_epoch"]:
                        trick.after_epoch(member.network, member.epoch)

    def settle(self) -> None:
        """Bring the runs' own optimizers up to date."""
        self.optimizer.settle()

    def judged(
        self, *, trained: bool
    ) -> Iterator[tuple[Member, dict[str, float], dict[str, float]]]:
        """Of each run the clean metrics, and the numbers beside them."""
        if not self.moments["predictor"]:
            found = self.judge.together()
            yield from zip(self.members, found, self.judge.beside(trained=trained), strict=True)
            return
        for member in self.members:
            with member.trying():
                member.network.eval()
                values = member.task.evaluate(member.predictor())
                member.network.train()
                beside = reports.on_grid(member.network, *member.task.seen, trained=trained)
                yield member, values, beside


TOUCH = ("gradients", "after_step", "after_epoch")  # they may freeze weights, or drop gradients
