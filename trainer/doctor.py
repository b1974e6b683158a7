"""The curve doctor: what the curves of a run tell of its settings. Pure rules, no torch.

Each rule looks at the curves of one run and gives the numbers by which it fires, or None. An arm
has what most of its runs have; a run that diverged or died is told of in any case. The rules
follow section 7 of Wei Xiu-Shen, "Must Know Tips/Tricks in Deep Neural Networks" (2015): read the
learning rate, the batch size and the overfitting off the curves.

``loss`` is the training loss of each step, tricks and all; ``train_loss`` and ``test_loss`` are
cross-entropies on fixed images with their true labels, so chance is ``ln K``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Numbers = dict[str, float]
    Series = np.ndarray[tuple[int], np.dtype[np.float64]]

FEWEST = 4  # points of a curve: with fewer there is nothing to read
WINDOWS = 30  # the loss of the steps is averaged over such a part of the run
CLIMB = 0.5  # of what was won: losing that much again is no noise
THROWN = 5.0  # times the first loss, or chance
SWING = 0.08  # of the fall: the amplitude of a curve on fixed images that goes up and down
BAND = 0.05  # around chance
STEEP = 0.12  # of the fall from chance in the last third; a straight line has 0.33
HIGH = 0.10  # of chance: below it a loss is low, whatever its slope
RISE = 0.15  # of the lowest test loss
LEAST_RISE = 0.02  # of chance: less is no rise, however low the curve was
FORGOT = 0.04  # of test accuracy, from its best
GAP = 0.10  # of accuracy, between training and test images
NOISE = 0.15  # of the fall: the step-to-step deviation of the loss
SMALL_BATCH = 8
FLAT = 0.03  # of the fall from chance in the last half
STUCK = 0.25  # of chance: a loss that stays above it has not learned the training images


@dataclass(frozen=True, kw_only=True)
class Curves:
    """One run: steps and values of each key, and how it ended."""

    series: Mapping[str, tuple[Series, Series]]
    classes: int
    batch_size: int
    diverged: int | None = None  # at which step
    killed: str | None = None  # why, in words

    def values(self, key: str) -> Series:
        _, values = self.series.get(key, ((), ()))
        return np.asarray(values, float)

    def steps(self, key: str) -> Series:
        steps, _ = self.series.get(key, ((), ()))
        return np.asarray(steps, float)

    @property
    def chance(self) -> float:
        return math.log(self.classes)


class Caption(NamedTuple):
    """What is wrong with an arm: the rule that fired, its numbers, and what to try."""

    rule: str
    title: str
    text: str
    numbers: Numbers
    advice: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """``find`` gives the numbers of a run or None, ``say`` makes a sentence of their medians.

    ``hides``: the rules whose signs this one explains.
    """

    name: str
    title: str
    find: Callable[[Curves], Numbers | None]
    say: Callable[[Numbers], str]
    advice: str
    always: bool = False  # even if only one run has it
    hides: Sequence[str] = field(default_factory=tuple)


def smooth(curves: Curves) -> Series:
    """The loss of the steps, averaged over windows of a thirtieth of the run."""
    loss = curves.values("loss")
    width = max(1, len(loss) // WINDOWS)
    used = len(loss) // width * width
    means: Series = loss[:used].reshape(-1, width).mean(axis=1)
    return means


def readable(*curves: Series) -> bool:
    return all(len(one) >= FEWEST and bool(np.isfinite(one).all()) for one in curves)


def below_chance(curves: Curves, train: Series) -> float:
    """How far the loss fell below chance; of a loss that is above it still, how far it fell."""
    first, last = float(train[0]), float(train[-1])
    return (curves.chance if last < curves.chance < first else first) - last


def diverged(curves: Curves) -> Numbers | None:
    return None if curves.diverged is None else {"step": float(curves.diverged)}


def killed(curves: Curves) -> Numbers | None:
    return None if curves.killed is None else {}


def rate_too_high(curves: Curves) -> Numbers | None:
    """The loss climbs again by half of what was won, or is thrown up for good, or swings on
    images that never change."""
    loss, train = smooth(curves), curves.values("train_loss")
    if not readable(loss, train):
        return None
    steps = curves.values("loss")
    peak, last = float(steps.max()), float(train[-1])
    if peak > THROWN * max(float(steps[0]), curves.chance) and last > STUCK * curves.chance:
        return {"peak": peak, "last": last}
    floor = np.minimum.accumulate(loss)
    at = int((loss - floor).argmax())
    climb, won = float(loss[at] - floor[at]), float(loss[0] - floor[at])
    if climb > max(CLIMB * won, HIGH * curves.chance):
        return {"from": float(floor[at]), "to": float(loss[at])}
    late = train[len(train) // 2 :]
    if len(late) < 2 * FEWEST:
        return None
    swing = float(np.diff(late, n=2).std() / 6**0.5)  # of white noise: its deviation
    fall = float(train[0] - train.min())
    if swing > SWING * fall and swing > LEAST_RISE * curves.chance:
        return {"swing": swing, "fall": fall}
    return None


def say_rate_too_high(numbers: Numbers) -> str:
    if "peak" in numbers:
        return (
            f"single steps threw the loss up to {numbers['peak']:.3g}, and the training loss "
            f"ends at {numbers['last']:.2f}"
        )
    if "swing" in numbers:
        return (
            f"the training loss goes up and down by {numbers['swing']:.2f} around its trend, on "
            f"images that never change; in all it fell by {numbers['fall']:.2f}"
        )
    return (
        f"the loss climbed again from {numbers['from']:.2f} to {numbers['to']:.2f}, more than "
        f"half of what it had fallen"
    )


def not_started(curves: Curves) -> Numbers | None:
    """The training loss never leaves the band around chance."""
    train = curves.values("train_loss")
    if not readable(train):
        return None
    late = train[len(train) // 10 :]
    away = float(np.abs(late - curves.chance).max())
    if away > BAND * curves.chance:
        return None
    return {"away": away, "chance": curves.chance, "last": float(train[-1])}


def rate_too_low(curves: Curves) -> Numbers | None:
    """A good part of the fall comes in the last third, and the loss is not low yet."""
    train = curves.values("train_loss")
    if not readable(train):
        return None
    last = float(train[-1])
    fall = below_chance(curves, train)
    late = float(train[-1 - len(train) // 3]) - last
    if last < HIGH * curves.chance or fall < LEAST_RISE * curves.chance or late < STEEP * fall:
        return None
    return {"share": min(1.0, late / fall), "last": last}


def overfitting(curves: Curves) -> Numbers | None:
    """While the training loss falls the test loss rises, or the test accuracy falls; or the
    accuracies are far apart in the end."""
    test, loss = curves.values("test_loss"), smooth(curves)
    if not readable(test, loss):
        return None
    low = int(test.argmin())
    end = float(np.median(test[-max(1, len(test) // 10) :]))
    rise = end - float(test[low])
    steps = curves.steps("test_loss")
    then = loss[min(len(loss) - 1, int(steps[low] / steps[-1] * len(loss)))]
    needed = max(RISE * float(test[low]), LEAST_RISE * curves.chance)
    if rise > needed and loss[-1] < then:
        return {"step": float(steps[low]), "from": float(test[low]), "to": end}
    train_right, test_right = (curves.values(f"{one}_accuracy") for one in ("train", "test"))
    if not readable(train_right, test_right):
        return None
    middle = np.median([test_right[:-2], test_right[1:-1], test_right[2:]], axis=0)
    best = int(middle.argmax())
    lost = float(middle[best] - middle[-1])
    if lost > FORGOT and loss[-1] < loss[int(best / len(middle) * len(loss))]:
        at = float(curves.steps("test_accuracy")[best + 1])
        return {"step": at, "best": float(middle[best]), "end": float(middle[-1])}
    gap = float(train_right[-1] - test_right[-1])
    return {"train": float(train_right[-1]), "test": float(test_right[-1])} if gap > GAP else None


def say_overfitting(numbers: Numbers) -> str:
    if "best" in numbers:
        best, end = 100 * numbers["best"], 100 * numbers["end"]
        return (
            f"from step {numbers['step']:,.0f} on the test accuracy falls, {best:.1f} % to "
            f"{end:.1f} %, while the training loss falls too"
        )
    if "step" in numbers:
        return (
            f"from step {numbers['step']:,.0f} on the test loss rises, {numbers['from']:.2f} to "
            f"{numbers['to']:.2f}, while the training loss falls"
        )
    train, test = 100 * numbers["train"], 100 * numbers["test"]
    return f"{train:.1f} % of the training images are right, but {test:.1f} % of the test images"


def noisy(curves: Curves) -> Numbers | None:
    """With small batches, the loss jumps from step to step by much of what it fell in all."""
    loss, trend = curves.values("loss"), smooth(curves)
    if not readable(loss, trend) or curves.batch_size > SMALL_BATCH:
        return None
    jump = float(np.diff(loss[len(loss) // 2 :]).std() / 2**0.5)
    fall = float(trend[0] - trend.min())
    if jump < NOISE * fall or jump < LEAST_RISE * curves.chance:
        return None
    return {"jump": jump, "fall": fall, "batch": float(curves.batch_size)}


def plateau(curves: Curves) -> Numbers | None:
    """The training loss stands still in the last half, high above zero."""
    train = curves.values("train_loss")
    if not readable(train):
        return None
    last = float(train[-1])
    fall = below_chance(curves, train)
    late = train[len(train) // 2 :]
    moved = float(late.max() - late.min())
    if last < STUCK * curves.chance or moved > FLAT * max(fall, HIGH * curves.chance):
        return None
    return {"last": last, "moved": moved}


RULES = [
    Rule(
        name="diverged",
        title="Diverged",
        find=diverged,
        say=lambda n: f"the loss is not a number any more, at step {n['step']:,.0f}",
        advice="Divide the learning rate by 3 to 10. If it must stay: warm up, clip the "
        "gradients, normalize, or standardize the inputs.",
        always=True,
        hides=("rate_too_high", "not_started", "rate_too_low", "overfitting", "noisy", "plateau"),
    ),
    Rule(
        name="killed",
        title="Killed the network",
        find=killed,
        say=lambda n: "the network answers every image alike",
        advice="Lower the learning rate or the threshold, scale the first weights to their "
        "inputs, or use an activation with a slope everywhere.",
        always=True,
        hides=("rate_too_high", "not_started", "rate_too_low", "overfitting", "noisy", "plateau"),
    ),
    Rule(
        name="rate_too_high",
        title="Learning rate too high",
        find=rate_too_high,
        say=say_rate_too_high,
        advice="Divide the learning rate by 3, or let a schedule bring it down; clip the "
        "gradients if single steps do the harm.",
        hides=("not_started", "rate_too_low", "overfitting", "noisy", "plateau"),
    ),
    Rule(
        name="not_started",
        title="Not started yet",
        find=not_started,
        say=lambda n: (
            f"the training loss stays within {n['away']:.3f} of chance, "
            f"ln K = {n['chance']:.2f}, to the end"
        ),
        advice="Multiply the learning rate by 10. If that changes nothing, look at the first "
        "weights and at the inputs: standardize, use Kaiming, normalize.",
        hides=("rate_too_low", "noisy", "plateau"),
    ),
    Rule(
        name="rate_too_low",
        title="Learning rate too low, or stopped early",
        find=rate_too_low,
        say=lambda n: (
            f"{100 * n['share']:.0f} % of the fall came in the last third, and the "
            f"training loss ends at {n['last']:.2f}"
        ),
        advice="Multiply the learning rate by 3, or train longer.",
        hides=("plateau",),
    ),
    Rule(
        name="noisy",
        title="Noisy: small batches",
        find=noisy,
        say=lambda n: (
            f"from step to step the loss deviates by {n['jump']:.2f}, and fell by "
            f"{n['fall']:.2f} in all; the batch size is {n['batch']:.0f}"
        ),
        advice="Double the batch, lower the learning rate toward the end, or average the weights.",
        hides=("overfitting", "plateau"),
    ),
    Rule(
        name="overfitting",
        title="Overfitting",
        find=overfitting,
        say=say_overfitting,
        advice="More data first; else augment, regularize (dropout, weight decay, label "
        "smoothing), or stop at the lowest test loss.",
        hides=("plateau",),
    ),
    Rule(
        name="plateau",
        title="Stands still",
        find=plateau,
        say=lambda n: (
            f"in the last half the training loss moved by {n['moved']:.3f} only, and stands "
            f"at {n['last']:.2f}"
        ),
        advice="Lower the learning rate if it may bounce, take more width or depth, or regularize "
        "less: the training images themselves are not learned.",
    ),
]


def of_run(curves: Curves) -> dict[str, Numbers]:
    """The rules that fire for one run, with their numbers."""
    found: dict[str, Numbers] = {}
    hidden: set[str] = set()
    for rule in RULES:
        numbers = None if rule.name in hidden else rule.find(curves)
        if numbers is not None:
            found[rule.name] = numbers
            hidden.update(rule.hides)
    return found


def of_arm(runs: Sequence[Curves]) -> list[Caption]:
    """What most runs of an arm have, and what must be told in any case; numbers are medians."""
    each = [of_run(curves) for curves in runs]
    captions = []
    for rule in RULES:
        have = [found[rule.name] for found in each if rule.name in found]
        if not have or (not rule.always and 2 * len(have) <= len(runs)):
            continue
        kinds = [tuple(numbers) for numbers in have]
        names = max(kinds, key=kinds.count)  # of a rule's several signs, the most common one
        numbers = {name: median(one[name] for one in have if tuple(one) == names) for name in names}
        text = rule.say(numbers)
        if rule.name == "killed":
            text = next(one.killed for one in runs if one.killed is not None) or text
        if len(runs) > 1:
            text = f"{text}. In {len(have)} of {len(runs)} runs"
            numbers |= {"runs": float(len(have)), "of": float(len(runs))}
        captions.append(
            Caption(rule.name, rule.title, f"{text[:1].upper()}{text[1:]}.", numbers, rule.advice)
        )
    return captions
