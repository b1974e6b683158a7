"""EMA: test with an exponential moving average of the weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch.nn import Module
    from torch.optim.swa_utils import AveragedModel

    from tricks.base import Predictor


@dataclass(kw_only=True)
class EMA(Trick):
    card = Card(
        title="EMA",
        title_zh="权重滑动平均",
        claim="Averaged weights test better than the last ones, at hardly any cost.",
        claimed_by="Polyak and Juditsky 1992",
        when="A constant or high learning rate, noisy labels: where the last weights jump about.",
        watch_out="The average lags: with a decay near 1 and few steps it still remembers the "
        "start. A rate that falls to zero leaves nothing to average.",
        formula=r"\bar\theta \leftarrow d\,\bar\theta + (1 - d)\,\theta",
        paper=Paper(
            authors="Polyak and Juditsky",
            year=1992,
            title="Acceleration of stochastic approximation by averaging",
            where="SIAM Journal on Control and Optimization 30(4)",
        ),
        cost="1.05 times the time of a step, and a second copy of the weights",
        zh=Chinese(
            claim="平均后的权重比最后的权重测试得更好，几乎没有代价。",
            when="学习率恒定或偏大、标签有噪声：最后的权重跳来跳去的时候。",
            watch_out="平均值有滞后：衰减接近 1 而步数又少时，它还记得起点。学习率降到零时，就没有"
            "什么可平均的了。",
        ),
        regime=Regime(
            setup={
                "train_size": 800,
                "label_noise": 0.2,
                "batch_size": 8,
                "epochs": 12,
                "lr": 0.7,
            },
            beside=("swa",),
            baseline=("batch_norm",),
        ),
        rules=(
            Rule(
                kind="hint",
                title="EMA blurs the restarts of Cyclic cosine",
                reason="After each restart the average still holds weights from the cycle before, "
                "about {steps:.0f} steps back at a decay of {decay:g}.",
                other="cyclic_cosine",
                when=lambda own, other, facts: (
                    {"steps": 1 / (1 - own.decay), "decay": own.decay} if own.decay else None
                ),
            ),
        ),
    )
    decay: float = knob(
        0.98, low=0.0, high=0.9999, neutral=0.0, symbol="d",
        help="how much of the average is kept at a step; 0 tests the last weights",
    )  # fmt: skip
    shadow: AveragedModel | None = field(init=False, default=None, repr=False, compare=False)

    def remake(self, name: str) -> AveragedModel:
        from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

        average = get_ema_multi_avg_fn(self.decay)  # type: ignore[no-untyped-call]
        return AveragedModel(self.tools.network, multi_avg_fn=average, use_buffers=True).eval()

    def after_step(self, network: Module, step: int) -> None:
        if self.shadow is None:
            self.shadow = self.remake("shadow")
        self.shadow.update_parameters(network)

    def predictor(self, network: Module, predict: Predictor) -> Predictor:
        return predict if self.shadow is None else self.shadow
