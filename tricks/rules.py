"""Rules that several cards have, each said once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tricks.card import Facts, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

# What makes two passes over the same batch differ: nothing for a step that compares passes.
DRAWS_LOTS = (
    "dropout", "spatial_dropout", "dropblock", "stochastic_depth", "rrelu", "gradient_noise",
)  # fmt: skip


def own_rate(title: str) -> Rule:
    """The hint of an optimizer whose rate is not the setup's."""
    return Rule(
        kind="hint",
        title=title + " trains at its own rate, {own:.3g}",
        reason="The other arms take {lr:g}, which is a rate for plain SGD; the knob lr sets "
        "another one.",
        when=lambda own, other, facts: (
            {"own": own.rate(facts.lr), "lr": facts.lr} if own.rate(facts.lr) != facts.lr else None
        ),
    )


def takes_the_step(title: str) -> Rule:
    return Rule(
        kind="error",
        title=title + " and {other} both take the step",
        reason="It solves for the step, so no other trick can decide how it is taken.",
        other="slot:step",
    )


def several_passes(title: str, passes: Callable[[Any], int]) -> Rule:
    """``passes(own)``: how many a step takes at most."""
    return Rule(
        kind="hint",
        title=title + " takes up to {passes} passes a step",
        reason="The budget counts steps. A budget in seconds compares equal time.",
        when=lambda own, other, facts: {"passes": passes(own)} if facts.steps is not None else None,
    )


def saves_time(title: str, active: Callable[[Any], object]) -> Rule:
    """``active(own)``: whether the knobs make it save any."""
    return Rule(
        kind="hint",
        title=f"{title} saves time and not steps",
        reason="The budget counts steps, and every arm takes as many. A budget in seconds "
        "shows what it gains.",
        when=lambda own, other, facts: {} if active(own) and facts.steps is not None else None,
    )


def batches_of_two(
    title: str,
    reason: str = "In a batch of one example there is nothing to take a mean over. Use a larger "
    "batch, or group norm, which looks at each example alone.",
) -> Rule:
    return Rule(
        kind="error",
        title=f"{title} needs batches of two or more",
        reason=reason,
        when=lambda own, other, facts: {} if facts.batch_size == 1 else None,
    )


def behind_dropout(
    title: str,
    reason: str = "The next layer's norm stands behind the dropout and learns a variance that "
    "testing, without dropout, does not have (Li et al. 2018, arXiv 1801.05134). Use one of the "
    "two.",
) -> Rule:
    return Rule(
        kind="warning",
        title=f"Dropout comes before {title} here",
        reason=reason,
        other="dropout",
        when=lambda own, other, facts: (
            {} if facts.network == "mlp" and facts.depth > 1 and other.p > 0 else None
        ),
    )


def decay_under_batch_norm(title: str) -> Rule:
    return Rule(
        kind="hint",
        title=f"Batch norm changes what {title} does",
        reason="Weights in front of batch norm may be of any size without changing its output, so "
        "shrinking them does not simplify the network: it raises the rate at which they turn.",
        other="batch_norm",
        when=lambda own, other, facts: {} if own.weight_decay else None,
    )


def decays_twice(title: str, other: str, reason: str) -> Rule:
    """``title`` names both tricks."""
    return Rule(
        kind="warning",
        title=f"{title} decay the same weights twice",
        reason=reason,
        other=other,
        when=lambda own, other, facts: (
            {} if own.weight_decay and other.values()["weight_decay"] else None
        ),
    )


def pool_is_empty(title: str, active: Callable[[Any], object]) -> Rule:
    """Of a trick that takes images from beyond the training set; ``active(own)``: if it does."""
    return Rule(
        kind="error",
        title=title,
        reason="The training set takes all {count:,} images of the data set. Make it smaller in "
        "the setup.",
        when=lambda own, other, facts: (
            {"count": facts.train_size} if active(own) and facts.pool == 0 else None
        ),
    )


def no_colors(title: str) -> Rule:
    return Rule(
        kind="error",
        title=f"{title} has no colors to change",
        reason="The images of {dataset} are gray. Choose a data set in color: shapes or CIFAR-10.",
        when=lambda own, other, facts: {"dataset": facts.dataset} if facts.image[0] == 1 else None,
    )


def turned_digits(title: str) -> Rule:
    """Of a trick that turns images by up to ``own.degrees``."""

    def upside_down(own: Any, other: None, facts: Facts) -> dict[str, object] | None:
        if facts.dataset not in ("digits", "mnist") or own.degrees <= 45:
            return None
        return {"degrees": own.degrees}

    return Rule(
        kind="hint",
        title=title + " by {degrees:g}° mixes digits up",
        reason="Beyond 45° a 6 looks more and more like a 9 and a 1 like a dash, but their "
        "labels stay.",
        when=upside_down,
    )


def one_map_size(title: str) -> Rule:
    return Rule(
        kind="hint",
        title=f"{title} has one level only",
        reason="A ResNet of {depth} block has maps of one size. Take a depth of 3.",
        when=lambda own, other, facts: {"depth": facts.depth} if facts.depth == 1 else None,
    )
