"""Skip connection: a block adds to its input instead of replacing it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Paper, Rule, Trick, knob

if TYPE_CHECKING:
    from tricks.base import NetworkSpec

SHALLOWEST = {"mlp": 2, "cnn": 3}  # the depth from which a layer keeps its width


@dataclass(kw_only=True)
class SkipConnection(Trick):
    card = Card(
        title="Skip connection",
        title_zh="恒等跳连",
        claim="An identity path keeps a network from getting worse as it gets deeper.",
        claimed_by="the thread; He et al. 2015",
        when="Networks of 10 layers and more; the deeper, the clearer.",
        watch_out="Shallow networks gain nothing. Without normalization the sums grow with every "
        "block: a scale of 1/√depth keeps them in range.",
        formula=r"y = x + s\,F(x)",
        paper=Paper(
            authors="He et al.",
            year=2015,
            title="Deep residual learning for image recognition",
            arxiv="1512.03385",
        ),
        cost="nothing measurable",
        published="ImageNet top-1 error with 18 / 34 layers (table 2): plain 27.94 / 28.54 %, "
        "with skips 27.88 / 25.03 %.",
        thread="提供恒等映射的能力，保证模型不会因网络变深而退化",
        rules=(
            Rule(
                kind="hint",
                title="Skip connection has nothing to skip",
                reason="A skip goes around a layer that keeps its width, and at a depth of {depth} "
                "this network has none. Take a depth of {least} or more.",
                when=lambda own, other, facts: (
                    {"depth": facts.depth, "least": SHALLOWEST[facts.network]}
                    if facts.depth < SHALLOWEST.get(facts.network, 0)
                    else None
                ),
            ),
        ),
    )
    scale: float = knob(
        1.0, low=0.0, high=2.0, symbol="s", help="factor on the block; 0 leaves only the identity"
    )

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        return replace(spec, skip=True, skip_scale=self.scale)
