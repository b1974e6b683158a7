"""Layer freezing: the first layers are done first, so stop training them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tricks.base import Card, Chinese, Paper, Regime, Trick, knob
from tricks.rules import saves_time

if TYPE_CHECKING:
    from torch import Generator
    from torch.nn import Module

    from tricks.layers.frozen import Frozen


def frozen_layers(progress: float, layers: int, start: float, level: float) -> int:
    """How many of the first layers stand still; the last one never does.

    None until ``start``, then a share that grows in a straight line to ``level``, as Composer's.
    """
    if progress <= start or start >= 1:
        return 0
    share = level * (progress - start) / (1 - start)
    return min(layers - 1, int(share * layers + 1e-9))


@dataclass(kw_only=True)
class LayerFreezing(Trick):
    card = Card(
        title="Layer freezing",
        title_zh="逐层冻结",
        claim="The first layers settle early: freezing them saves time and costs no accuracy.",
        claimed_by="Raghu et al. 2017; Composer",
        when="Deep networks and long training: compare at equal seconds, since it saves the "
        "backward pass of the frozen layers.",
        watch_out="Frozen too early, the first layers stay bad. Small networks save little time.",
        formula=r"\theta_l \text{ fixed for } l \le \lfloor f(t)\, L \rfloor, \quad f(t) = c\, "
        r"\frac{t - t_0}{1 - t_0}",
        paper=Paper(
            authors="Raghu et al.",
            year=2017,
            title="SVCCA: Singular vector canonical correlation analysis for deep learning "
            "dynamics and interpretability",
            arxiv="1706.05806",
        ),
        cost="0.7 to 1 times the time of a step",
        zh=Chinese(
            claim="前面的层很早就定型了：冻结它们能省时间，又不损失准确率。",
            when="网络深、训练久时：它省的是被冻结层的反向传播，要在相同秒数下比较。",
            watch_out="冻结得太早，前面的层就一直不好。小网络省不了多少时间。",
        ),
        regime=Regime(
            setup={"network": {"kind": "mlp", "depth": 8, "width": 256}, "seconds": 5, "lr": 0.05}
        ),
        rules=(saves_time("Layer freezing", lambda own: own.level),),
    )
    order = -20  # before the averages look at the weights
    start: float = knob(
        0.5, low=0.0, high=1.0, symbol="t₀", help="share of the run before the first layer freezes"
    )
    level: float = knob(
        1.0, low=0.0, high=1.0, neutral=0.0, symbol="c",
        help="share of the layers that stand still in the end; the last one never does",
    )  # fmt: skip
    frozen: Frozen | None = field(init=False, default=None, repr=False, compare=False)
    counts: list[int] = field(init=False, default_factory=list, repr=False, compare=False)

    def begin(self, rng: Generator) -> None:
        from tricks.layers.frozen import Frozen

        self.frozen = Frozen()

    def after_step(self, network: Module, step: int) -> None:
        if self.frozen is not None:
            self.frozen.restore()

    def after_epoch(self, network: Module, epoch: int) -> None:
        from tricks.layers.frozen import layers_of

        if self.frozen is None:
            return
        layers = layers_of(network)
        count = frozen_layers(self.tools.progress(), len(layers), self.start, self.level)
        self.frozen.freeze(layers[:count])
        self.counts.append(count)

    def report(self) -> dict[str, Any]:
        """``frozen``: how many layers stood still after each epoch."""
        return {"frozen": self.counts}
