"""What people and the checks read of a trick: its card, its rules, where its effect shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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
    BLOCK = "block"
    ATTENTION = "attention"
    FUSION = "fusion"
    DOWNSAMPLING = "downsampling"


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
    symmetries: tuple[str, ...]  # what leaves a label true: "hflip", "vflip", "rotate", "shift"
    train_size: int
    pool: int  # images of the data set that the training set leaves over
    preprocessing: str  # "standardize", "scale" or "raw"
    label_noise: float
    imbalance: float
    network: str
    depth: int
    width: int
    batch_size: int
    lr: float
    steps: int | None  # None: the budget is in seconds
    device: str  # as the setup says it: "auto", "cpu", "cuda", "cuda:N", "mps"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Something a person should know before launch, with its reason.

    ``other`` is the id of the trick this one meets; without it the rule is about the setup.
    ``when(own, other, facts)`` returns what fills the places of ``title`` and ``reason``, or None
    if all is well; ``{other}`` is the title of the trick that is met.
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
class Chinese:
    """The card's sentences for the catalog in Chinese."""

    claim: str
    when: str
    watch_out: str


@dataclass(frozen=True, kw_only=True)
class Regime:
    """Where the trick has something to do within seconds: what "Try it" opens.

    ``setup`` stands on top of digits, an MLP of 3 x 128, batches of 32, rate 0.1; ``knobs`` are
    turned to where the effect was seen; ``beside`` are tricks that the claim is about, each an arm
    of its own. ``baseline`` are the tricks of the first arm, which every other arm has too.
    """

    setup: Mapping[str, Any]
    knobs: Mapping[str, float] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    baseline: tuple[str, ...] = ()
    metric: Literal["test_accuracy", "test_loss"] = "test_accuracy"


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
    zh: Chinese | None = None
    regime: Regime | None = None
    rules: tuple[Rule, ...] = ()
    tasks: tuple[str, ...] = ("classification",)
