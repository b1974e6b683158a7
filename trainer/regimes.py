"""Where the effect of a trick shows within seconds: the experiment that "Try it" opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer.designs import arm_name
from trainer.statistics import minimum_seeds
from tricks import catalog
from tricks.places import EIGHT_LAYERS, LONG_ENOUGH_TO_SLOW_DOWN, TEN_LAYERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tricks.base import Trick
    from tricks.places import Place

    Data = dict[str, Any]

RIVALS = 4  # a trick that the plain net has already is compared with at most so many others
BASE: Data = {
    "dataset": "digits",
    "network": {"kind": "mlp", "depth": 3, "width": 128},
    "batch_size": 32,
    "lr": 0.1,
}
NOISY: Data = {"train_size": 400, "label_noise": 0.3, "epochs": 60}
# For a card that names no place of its own: by family or slot, else NOISY, on top of BASE.
SETUPS: dict[str, Place] = {
    "activation": EIGHT_LAYERS,
    "initialization": TEN_LAYERS,
    "optimizer": {"epochs": 2},
    "schedule": LONG_ENOUGH_TO_SLOW_DOWN,
}


def setup(trick: type[Trick]) -> Data:
    """The setup for one trick, as experiment data."""
    if trick.card.regime is not None:
        own = trick.card.regime.setup
    else:
        own = SETUPS.get(trick.family()) or SETUPS.get(str(trick.slot)) or NOISY
    known = BASE | dict(own)
    if known["network"]["kind"] not in trick.kinds:
        known["network"] = {"kind": trick.kinds[0], "depth": 2, "width": 16}
    return known


def rivals(trick: type[Trick]) -> list[str]:
    """What a trick that the plain net has already is compared with: others of its slot."""
    same = [
        one.id()
        for one in catalog().values()
        if one is not trick and one.slot is not None and one.slot == trick.slot
    ]
    return same[:RIVALS]


def turned(trick: type[Trick], knobs: Mapping[str, float]) -> dict[str, float]:
    """The knobs for a trial: as a person set them, else where the effect shows."""
    regime = trick.card.regime
    untouched = all(knobs.get(one.name, one.default) == one.default for one in trick.knobs())
    return {**knobs, **regime.knobs} if regime and untouched else dict(knobs)


def compared(trick: type[Trick], knobs: Mapping[str, float]) -> list[Data]:
    """The tricks that get an arm of their own, each with its knobs."""
    regime = trick.card.regime
    beside = list(regime.beside) if regime else []
    if trick.is_default:
        return [{"id": one, "knobs": {}} for one in beside or rivals(trick)]
    own = {"id": trick.id(), "knobs": turned(trick, knobs)}
    return [own, *({"id": one, "knobs": {}} for one in beside)]


def try_it(trick: type[Trick], knobs: Mapping[str, float]) -> Data:
    """The experiment that shows this trick, with enough seeds for a verdict.

    The first arm is the plain net, or has the tricks that the regime puts under every arm.
    """
    regime = trick.card.regime
    under: list[Data] = [{"id": one, "knobs": {}} for one in (regime.baseline if regime else ())]
    choices = compared(trick, knobs)
    if trick.is_default:
        name = f"What can replace {trick.card.title}?"
    else:
        name = f"What does {arm_name(trick.id())} do?"
    arms = [{"name": "baseline", "tricks": under}]
    arms += [{"name": arm_name(one["id"]), "tricks": [*under, one]} for one in choices]
    return {
        "name": name,
        "setup": setup(trick),
        "arms": arms,
        "seeds": list(range(minimum_seeds(len(choices)))),
        "metric": regime.metric if regime else "test_accuracy",
        "design": "free" if under else "alone",
    }
