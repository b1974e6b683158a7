"""A metric as it is printed: accuracies in percent and points, losses as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer import words

if TYPE_CHECKING:
    from trainer.statistics import Comparison


@dataclass(frozen=True, kw_only=True)
class Measure:
    """How values and differences of the test accuracy, or else of the test loss, are written."""

    accuracy: bool

    @property
    def factor(self) -> float:
        return 100.0 if self.accuracy else 1.0

    @property
    def name(self) -> str:
        return "test accuracy" if self.accuracy else "test loss"

    @property
    def title(self) -> str:
        """Over a column: ``test accuracy, %``."""
        return f"{self.name}, %" if self.accuracy else self.name

    @property
    def unit(self) -> str:
        """What a difference is counted in."""
        return "points" if self.accuracy else "of loss"

    def value(self, value: float, n: int = 1) -> str:
        """A value as it is printed: ``83.1`` (percent) or ``0.412``."""
        return words.number(self.factor * value, self.digits(n))

    def difference(self, value: float, n: int = 1) -> str:
        """A signed difference: ``+9.3`` (points) or ``−0.031``."""
        return words.number(self.factor * value, self.digits(n), signed=True)

    def digits(self, n: int) -> int:
        """Decimals; a second one of a point means something only with many runs."""
        return (1 if n < 30 else 2) if self.accuracy else 3

    def spelled(self, one: Comparison) -> str:
        """``mixup +9.3 points, 95 % interval +8.5 to +10.1, n = 8``: for who cannot see it."""
        if one.mean is None:
            return f"{one.arm}: no seed is complete in both arms"
        text = f"{one.arm} {self.difference(one.mean, one.n)} {self.unit}"
        if one.low is not None and one.high is not None:
            low, high = (self.difference(end, one.n) for end in (one.low, one.high))
            text += f", 95 % interval {low} to {high}"
        return f"{text}, n = {one.n}"
