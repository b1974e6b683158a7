"""Skip connection: a block adds to its input instead of replacing it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

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
        "block and soon blow up, so the scale is 1/√depth there unless you set it.",
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
        zh=Chinese(
            claim="有一条恒等路径，网络变深时就不会变差。",
            when="10 层以上的网络；越深越明显。",
            watch_out="浅网络没有收获。没有归一化时，和随着每个块增大，很快就会发散，所以除非另外设置，"
            "这时的系数是 1/√深度。",
        ),
        regime=Regime(
            setup={
                "network": {"kind": "mlp", "depth": 30, "width": 48},
                "epochs": 12,
                "lr": 0.02,
            }
        ),
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
            Rule(
                kind="warning",
                title="Skip connection may blow this network up",
                reason="Without normalization {depth} layers at a scale of {scale:g} add up to "
                "values too large to train. Leave the scale alone (1/√depth), or add a "
                "normalization.",
                unless="slot:normalization",
                when=lambda own, other, facts: (
                    {"depth": facts.depth, "scale": own.scale}
                    if own.scale is not None and own.scale**2 * facts.depth >= 8
                    else None
                ),
            ),
        ),
    )
    order = 10  # the scale depends on whether a normalization has filled its slot
    scale: float | None = knob(
        None, low=0.0, high=2.0, symbol="s",
        help="factor on the block; left alone, 1 with a normalization and 1/√depth without",
    )  # fmt: skip

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        scale = self.scale
        if scale is None:
            scale = 1.0 if spec.normalization else spec.depth**-0.5
        return replace(spec, skip=True, skip_scale=scale)
