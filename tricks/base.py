"""The contract of a trick: a card for people, knobs with ranges, and the moments it changes.

A trick is a dataclass in a file of its own. It joins the catalog by existing. A hook takes a value
and returns a value; the ones a trick does not need are no-ops here. The order in which the moments
run is drawn once, in ``trainer/engine.py``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tricks.card import Card as Card
from tricks.card import Chinese as Chinese
from tricks.card import Facts as Facts
from tricks.card import Paper as Paper
from tricks.card import Regime as Regime
from tricks.card import Rule as Rule
from tricks.card import Slot as Slot
from tricks.loans import Acted as Acted
from tricks.loans import NetworkSpec as NetworkSpec
from tricks.loans import Pixels as Pixels
from tricks.loans import Pool as Pool
from tricks.loans import Split as Split
from tricks.loans import Tools as Tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Generator, Tensor
    from torch.nn import Module, Parameter
    from torch.optim import Optimizer

    Predictor = Callable[[Tensor], Tensor]


class Knob(NamedTuple):
    """A number a person can turn. ``default`` None: the trick derives it from the setup."""

    name: str
    default: float | None
    low: float
    high: float
    help: str
    neutral: float | None  # at this value the trick is the baseline
    symbol: str  # how the lab writes it: "α 0.2"
    integer: bool
    log: bool  # better turned on a logarithmic scale

    def check(self, value: object) -> str | None:
        """Why ``value`` is not allowed, or None."""
        span = f"goes from {self.low:g} to {self.high:g}"
        if value is None and self.default is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{self.name} {span} and must be a number"
        if not self.low <= value <= self.high:  # what is not a number is never between
            return f"{self.name} {span}"
        if self.integer and value != int(value):
            return f"{self.name} {span} in whole numbers"
        return None


def knob(
    default: float | None,
    *,
    low: float,
    high: float,
    help: str,
    neutral: float | None = None,
    symbol: str = "",
    integer: bool = False,
    log: bool = False,
) -> Any:
    """A dataclass field that the slider, the validation and the tests all read."""
    meta = {
        "low": low,
        "high": high,
        "help": help,
        "neutral": neutral,
        "symbol": symbol,
        "integer": integer,
        "log": log,
    }
    return field(default=default, metadata={"knob": meta})


@dataclass(kw_only=True)
class Trick:
    """The base class: every moment of training as a no-op. See the module's first lines.

    ``rng`` is a CPU generator of the trick's own: numbers it draws shift nobody else's.
    ``tools`` are lent by the engine before the first moment.
    """

    card: ClassVar[Card]
    slot: ClassVar[Slot | None] = None
    order: ClassVar[int] = 0  # among tricks that share a moment: lower runs first, then by id
    is_default: ClassVar[bool] = False  # the plain net has it already
    learns: ClassVar[bool] = True  # False: need not train the tiny task above chance (say why)
    kinds: ClassVar[tuple[str, ...]] = ("mlp", "cnn", "resnet")  # networks it works in
    alternates: ClassVar[bool] = False  # of several such, each batch gets one, drawn at random
    stacks: ClassVar[bool] = True  # False: its batch cannot serve several models at once

    tools: Tools = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for one in self.knobs():
            problem = one.check(getattr(self, one.name))
            if problem:
                raise ValueError(f"{self.id()}.{problem}, not {getattr(self, one.name)!r}")
            value = getattr(self, one.name)
            if value is not None:  # 2 and 2.0 are one knob, and one run
                setattr(self, one.name, int(value) if one.integer else float(value))

    @classmethod
    def id(cls) -> str:
        """The file's name."""
        return cls.__module__.rpartition(".")[2]

    @classmethod
    def family(cls) -> str:
        """The folder's name."""
        return cls.__module__.split(".")[-2]

    @classmethod
    def knobs(cls) -> tuple[Knob, ...]:
        return tuple(
            Knob(name=f.name, default=f.default, **f.metadata["knob"])  # type: ignore[arg-type]
            for f in dataclasses.fields(cls)
            if "knob" in f.metadata
        )

    def values(self) -> dict[str, float | None]:
        """The knobs as they stand, by name."""
        return {one.name: getattr(self, one.name) for one in self.knobs()}

    @classmethod
    def changes(cls, moment: str) -> bool:
        """Whether this trick overrides that moment; with a knob ``lr`` it sets the rate."""
        if moment == "rate" and any(one.name == "lr" for one in cls.knobs()):
            return True
        return getattr(cls, moment) is not getattr(Trick, moment)

    # Before training.

    def dataset(self, split: Split, rng: Generator) -> Split:
        """Clean, subset, relabel the training set."""
        return split

    def sampler(self, split: Split, rng: Generator) -> Tensor:
        """The order in which one epoch reads the examples: (N,) indices on the CPU."""
        raise TypeError(f"{self.id()} owns no sampler")

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        """Fill a slot of the network that is about to be built."""
        return spec

    def surgery(self, network: Module, split: Split, rng: Generator) -> Module:
        """Change the built network, its first weights set, on the CPU: wrap, parametrize, replace.

        ``split`` is on the run's device.
        """
        return network

    def initialize(self, network: Module, rng: Generator) -> None:
        """Set the weights of the built network, in place, on the CPU."""

    def rate(self, lr: float) -> float:
        """The rate this arm trains with: its own knob ``lr``, if it has one and that is set, else
        the setup's. No torch: drawn before launch."""
        own: float | None = getattr(self, "lr", None)
        return lr if own is None else own

    def scaled_rate(self, lr: float, batch_size: int) -> float:
        """The same rate, fitted to the size of the batches."""
        return lr

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        """The optimizer, at the rate that :meth:`rate` gave."""
        raise TypeError(f"{self.id()} owns no optimizer")

    def factor(self, step: int, steps: int) -> float:
        """The factor on the rate at ``step`` of ``steps``. No torch: drawn before launch."""
        return 1.0

    def horizon(self, steps: int) -> int:
        """For how many of the steps the schedules of this arm are made."""
        return steps

    def begin(self, rng: Generator) -> None:
        """The last moment before the first step: ``tools.network`` and ``.optimizer`` are there."""

    def remake(self, name: str) -> Any:
        """What the trick makes for itself during training and keeps as ``name``, new again: a run
        that goes on from a checkpoint fills it. Tensors and lists of them need none of this."""
        raise TypeError(f"{self.id()} cannot make {name} again")

    # Every step.

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        """Change a batch: ``x`` (N, channels, height, width), ``y`` (N, C) probabilities."""
        return x, y

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """The loss of each example, (..., N), from (..., N, C) logits and probabilities."""
        raise TypeError(f"{self.id()} owns no loss")

    def batch_loss(self, loss: Tensor) -> Tensor:
        """Change the mean loss of the batch, a scalar for each model."""
        return loss

    def penalty(self, network: Module) -> Tensor:
        """What is added to the loss for the weights, a scalar."""
        raise TypeError(f"{self.id()} adds no penalty")

    def gradients(self, network: Module) -> None:
        """Change the gradients in place, after the backward pass."""

    def step(self, optimizer: Optimizer, closure: Callable[[], Tensor], network: Module) -> Tensor:
        """Take one step. ``closure`` clears and computes the gradients and returns the loss."""
        raise TypeError(f"{self.id()} takes no step")

    def after_step(self, network: Module, step: int) -> None:
        """Look at or edit the weights after ``step`` (counted from 1)."""

    def after_epoch(self, network: Module, epoch: int) -> None:
        """The same after ``epoch`` (counted from 1)."""

    # Evaluation.

    def predictor(self, network: Module, predict: Predictor) -> Predictor:
        """What answers on test images instead of ``predict`` ((N, ...) images to (N, C) logits)."""
        return predict

    # For people.

    def acted(self) -> Acted | None:
        """After the run: how often it changed anything. None: always, or it cannot tell."""
        return None

    def report(self) -> dict[str, Any]:
        """After the run: what the trick found, as JSON data. README.md lists the keys."""
        return {}

    def response(self, x: float) -> float:
        """What an activation makes of a number, in plain Python: the preview draws it."""
        raise TypeError(f"{self.id()} is no activation")

    def loss_at(self, p: float) -> float:
        """The loss of an example whose true class has probability p, the rest shared evenly."""
        raise TypeError(f"{self.id()} has no loss of one example")
