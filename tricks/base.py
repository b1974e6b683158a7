"""The contract of a trick: a card for people, knobs with ranges, and the moments it changes.

A trick is a dataclass in a file of its own. It joins the catalog by existing. A hook takes a value
and returns a value; the ones a trick does not need are no-ops here. The order in which the moments
run is drawn once, in ``trainer/engine.py``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Generator, Tensor
    from torch.nn import Module, Parameter
    from torch.optim import Optimizer

    Predictor = Callable[[Tensor], Tensor]


class Slot(StrEnum):
    """What only one trick of an arm can own."""

    ACTIVATION = "activation"
    NORMALIZATION = "normalization"
    INITIALIZATION = "initialization"
    OPTIMIZER = "optimizer"
    SCHEDULE = "schedule"
    LOSS = "loss"
    SAMPLER = "sampler"
    STEP = "step"


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Where a trick comes from. ``arxiv`` is the bare id; without one, ``where`` says the venue."""

    authors: str
    year: int
    title: str
    arxiv: str | None = None
    where: str | None = None

    @property
    def url(self) -> str | None:
        return f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else None

    def __str__(self) -> str:
        source = f"arXiv {self.arxiv}" if self.arxiv else self.where
        return f"{self.authors} {self.year}, {source}"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a rule may know of the experiment an arm belongs to."""

    dataset: str
    classes: int
    image: tuple[int, int, int]  # channels, height, width
    train_size: int
    label_noise: float
    imbalance: float
    network: str
    depth: int
    width: int
    batch_size: int
    lr: float
    steps: int | None  # None: the budget is in seconds


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Something a person should know before launch, with its reason.

    ``other`` is the id of the trick this one meets; without it the rule is about the setup.
    ``when(own, other, facts)`` returns the numbers that fill ``reason``, or None if all is well.
    Several tricks may own a slot: ``other`` may also name a slot, as ``"slot:schedule"``.
    ``unless`` names a trick or a slot in the same way: with it in the arm, all is well.
    """

    kind: Literal["error", "warning", "hint"]
    title: str
    reason: str
    other: str | None = None
    unless: str | None = None
    when: Callable[[Any, Any, Facts], dict[str, object] | None] = lambda own, other, facts: {}


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a person reads about a trick. Formulas are LaTeX; ``claimed_by`` says who claims it."""

    title: str
    title_zh: str
    claim: str
    claimed_by: str
    when: str
    watch_out: str
    formula: str
    paper: Paper
    cost: str
    published: str | None = None  # a number with its table; None: none that was verified
    thread: str | None = None  # the thread's own words, where it names the trick
    rules: tuple[Rule, ...] = ()
    tasks: tuple[str, ...] = ("classification",)


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


@dataclass(frozen=True, kw_only=True)
class Split:
    """The training set of one run, on its device.

    ``x`` is (N, channels, height, width), preprocessed; ``y`` is (N,) class indices as the run
    sees them, wrong ones included. Clean labels are not here: a trick may not peek.
    """

    x: Tensor
    y: Tensor
    classes: int


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """A network before it is built: its shape, and the slots that tricks fill.

    ``activation()`` and ``normalization(features, images)`` make modules; ``images`` says whether
    they see (N, C, H, W) or (N, C). ``dropout()`` modules stand after hidden activations
    of an MLP and before the last layer of the convolutional networks.
    """

    kind: str
    depth: int
    width: int
    image: tuple[int, int, int]
    classes: int
    activation: Callable[[], Module]
    normalization: Callable[[int, bool], Module] | None = None
    dropout: Callable[[], Module] | None = None
    skip: bool = False
    skip_scale: float = 1.0


@dataclass(kw_only=True)
class Trick:
    """The base class: every moment of training as a no-op. See the module's first lines.

    ``rng`` is a CPU generator of the trick's own: numbers it draws shift nobody else's.
    """

    card: ClassVar[Card]
    slot: ClassVar[Slot | None] = None
    order: ClassVar[int] = 0  # among tricks that share a moment: lower runs first, then by id
    is_default: ClassVar[bool] = False  # the plain net has it already
    learns: ClassVar[bool] = True  # False: need not train the tiny task above chance (say why)

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
        """Whether this trick overrides that moment."""
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

    def initialize(self, network: Module, rng: Generator) -> None:
        """Set the weights of the built network, in place, on the CPU."""

    def rate(self, lr: float) -> float:
        """The rate this arm trains with, from the setup's. No torch: drawn before launch."""
        return lr

    def optimizer(self, params: Iterable[Parameter], lr: float) -> Optimizer:
        """The optimizer, at the rate that :meth:`rate` gave."""
        raise TypeError(f"{self.id()} owns no optimizer")

    def factor(self, step: int, steps: int) -> float:
        """The factor on the rate at ``step`` of ``steps``. No torch: drawn before launch."""
        return 1.0

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
