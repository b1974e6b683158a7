"""Repeated block: what keeps its shape stands several times in a row, its weights tied or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from tricks.base import Facts, NetworkSpec

SHALLOWEST = {"mlp": 2, "cnn": 3}  # the depth from which a layer keeps its shape
DEEP = 12  # layers from which a plain network is hard to train


def nothing(facts: Facts) -> dict[str, object] | None:
    """The depth at which no layer keeps its shape, and the one that it takes."""
    least = SHALLOWEST.get(facts.network, 0)
    return {"depth": facts.depth, "least": least} if facts.depth < least else None


def too_deep(own: RepeatedBlock, facts: Facts) -> dict[str, object] | None:
    """How deep the network becomes, if that is too deep to do without skips."""
    depth = own.repeats * facts.depth
    return {"depth": depth} if own.repeats > 1 and depth >= DEEP else None


@dataclass(kw_only=True)
class RepeatedBlock(Trick):
    card = Card(
        title="Repeated block",
        title_zh="重复模块",
        claim="One good block, repeated, makes a deep network out of few decisions.",
        claimed_by="the thread; Simonyan and Zisserman 2014",
        when="To see whether depth helps; tied, whether it is the weights or the work that does.",
        watch_out="Untied it is a deeper network with more weights, so compare it at equal work "
        "too. Deep plain networks train badly: from about 12 layers on add skips. Tied layers "
        "keep normalizations of their own.",
        formula=r"x_{l+1} = F(x_l;\, w_l),\quad \text{tied: } w_l = w",
        paper=Paper(
            authors="Simonyan and Zisserman",
            year=2014,
            title="Very deep convolutional networks for large-scale image recognition",
            arxiv="1409.1556",
        ),
        cost="n times the time of the layers that keep their shape",
        thread="重复模块",
        zh=Chinese(
            claim="把一个好模块重复多次，用很少的决定就得到一个深网络。",
            when="想知道加深有没有用；共享权重时，可以看出起作用的是参数还是计算。",
            watch_out="不共享时就是一个更深、参数更多的网络，所以也要在计算量相等时比较。普通的深网"
            "络很难训练：约 12 层起请加跳连。共享权重的各层保留各自的归一化。",
        ),
        regime=Regime(
            setup={"network": {"kind": "mlp", "depth": 3, "width": 64}, "epochs": 5},
            baseline=("skip_connection",),
        ),
        rules=(
            Rule(
                kind="hint",
                title="Repeated block has nothing to repeat",
                reason="Only what keeps its shape can be repeated, and at a depth of {depth} this "
                "network has no such layer. Take a depth of {least} or more.",
                when=lambda own, other, facts: nothing(facts),
            ),
            Rule(
                kind="warning",
                title="Repeated block makes a network of about {depth} layers",
                reason="Without skips a network of {depth} layers trains badly, and the claim has "
                "no chance. Add skip connections, or repeat less.",
                unless="skip_connection",
                when=lambda own, other, facts: too_deep(own, facts),
            ),
        ),
    )
    repeats: int = knob(
        2, low=1, high=8, integer=True, neutral=1, symbol="n", help="how often each block stands"
    )
    tied: int = knob(
        0, low=0, high=1, integer=True, neutral=0, symbol="tied",
        help="1: the repeated ones share their weights",
    )  # fmt: skip

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        return replace(spec, repeats=self.repeats, tied=bool(self.tied))
