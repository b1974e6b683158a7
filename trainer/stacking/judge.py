"""The points of the curves, for all runs at once; the same numbers as the engine gives one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy

from trainer import diagnostics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from trainer.stacking.member import Member
    from trainer.stacking.parts import Part
    from trainer.stacking.rows import Rows

CACHE = 2**20  # bytes of hidden units that a processor computes at once
NAMES = ("test_loss", "test_accuracy", "train_loss", "train_accuracy")


class Judge:
    """Looks at the same images of each run's task, all networks at once if no trick answers."""

    def __init__(self, members: Sequence[Member], twin: Part, rows: Rows) -> None:
        self.members, self.twin = members, twin
        task = members[0].task
        net, (_, height, width) = members[0].setup.network, members[0].setup.image
        self.tests = task.tests
        self.units = net.width * (1 if net.kind == "mlp" else height * width)  # of a hidden layer
        self.x = torch.stack([member.task.slice_x for member in members])
        self.y = torch.stack([member.task.slice_y for member in members])  # (M, J)
        matrices = [rows.weight(one) for one in diagnostics.matrices(members[0].network)]
        self.matrices = [
            one.detach() for member in members for one in diagnostics.matrices(member.network)
        ]
        self.seen: Tensor  # the answers to test images, (M, tests, C)
        self.ends = [one.flat for one in (matrices[0], matrices[-1])]

    def answers(self) -> Tensor:
        """What the networks say to their images, (M, J, C); in eval mode."""
        chunk = max(32, CACHE // (4 * len(self.members) * self.units))
        if self.x.device.type != "cpu":
            chunk = self.x.shape[1]
        with torch.inference_mode():
            parts = [self.twin.forward(part, False) for part in torch.split(self.x, chunk, dim=1)]
            return torch.cat(parts, dim=1)

    def together(self) -> list[dict[str, float]]:
        """The clean metrics of the slices, run by run."""
        logits = self.answers()
        with torch.inference_mode():
            flat = cross_entropy(logits.flatten(0, 1), self.y.flatten(), reduction="none")
            each, right = flat.view(self.y.shape), (logits.argmax(-1) == self.y).float()
            test, train = slice(None, self.tests), slice(self.tests, None)
            means = [part[:, which].mean(1) for which in (test, train) for part in (each, right)]
            found = torch.stack(means, dim=1).tolist()
            self.seen = logits[:, : self.tests]
        for member, own in zip(self.members, logits, strict=True):
            member.task.seen = own[: self.tests], member.task.slice_y[: self.tests]
        return [dict(zip(NAMES, row, strict=True)) for row in found]

    def beside(self, *, trained: bool) -> list[dict[str, float]]:
        """The numbers beside them: see :func:`trainer.reports.on_grid`."""
        with torch.inference_mode():
            norms = torch.stack(torch._foreach_norm(self.matrices)).view(len(self.members), -1)
            columns = [torch.linalg.vector_norm(norms, dim=1), self.calibration_errors()]
            columns += [torch.linalg.vector_norm(one, dim=1) for one in self.ends]
            rows = torch.stack(columns, dim=1).tolist()
        found = []
        for norm, error, first, last in rows:
            found.append({"weight_norm": norm, "ece": error})
            if trained and (first or last):
                found[-1] |= {"grad_first": first, "grad_last": last}
        return found

    def calibration_errors(self) -> Tensor:
        """See :func:`trainer.diagnostics.calibration_error`; (M,)."""
        bins, y = diagnostics.BINS, self.y[:, : self.tests]
        models, images = y.shape
        sure, right, which = diagnostics.binned(self.seen.softmax(dim=-1), y, bins)
        which = which + bins * torch.arange(models, device=which.device).unsqueeze(1)
        gaps = torch.bincount(
            which.flatten(), weights=(right - sure).flatten(), minlength=models * bins
        )
        return gaps.view(models, bins).abs().sum(1).float() / images
