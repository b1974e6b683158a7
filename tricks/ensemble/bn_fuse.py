"""Folding batch norm: after training it is a factor and a sum, which the layer before can hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tricks.base import Acted, Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from tricks.base import Predictor

ROUNDS = 20  # how often both are timed, in turns
IMAGES = 256  # that are answered at once for the time


@dataclass(kw_only=True)
class BnFuse(Trick):
    card = Card(
        title="Folded batch norm",
        title_zh="BN 折叠",
        claim="The same answers in less time: batch norm becomes part of the layer before it.",
        claimed_by="common practice; Jacob et al. 2017, section 3.2",
        when="A network with batch norm that has to answer fast.",
        watch_out="It changes nothing but the time of an answer, and rounding. Nothing is to fold "
        "without batch norm, and where other weights than the network's own answer it stays out.",
        formula=r"W' = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}\,W, \qquad "
        r"b' = \beta + \gamma\,\frac{b - \mu}{\sqrt{\sigma^2 + \epsilon}}",
        paper=Paper(
            authors="Jacob et al.",
            year=2017,
            title="Quantization and training of neural networks for efficient "
            "integer-arithmetic-only inference",
            arxiv="1712.05877",
        ),
        cost="nothing in training, less in answering",
        zh=Chinese(
            claim="答案不变、用时更少：批归一化并入它前面的那一层。",
            when="带批归一化、需要快速回答的网络。",
            watch_out="除了回答用时和舍入误差，什么都不变。没有批归一化就无可折叠；由别的权重代为"
            "回答时它不起作用。",
        ),
        regime=Regime(
            setup={"network": {"kind": "resnet", "depth": 3, "width": 16}, "epochs": 2},
            baseline=("batch_norm",),
        ),
        rules=(
            Rule(
                kind="hint",
                title="Nothing to fold without batch norm",
                reason="Folded batch norm changes nothing in this arm. Add Batch norm.",
                unless="batch_norm",
            ),
        ),
    )
    order = 7  # after an average of the weights, before several views
    fold: int = knob(
        1, low=0, high=1, neutral=0, integer=True, symbol="fold", help="0 answers as in training"
    )
    counts: tuple[int, int] = field(init=False, default=(0, 0), repr=False, compare=False)

    def predictor(self, network: Module, predict: Predictor) -> Predictor:
        from torch.nn import Module

        from tricks.layers.fused import folded, folds, layers_of

        places = folds(predict) if self.fold and isinstance(predict, Module) else []
        self.counts = len(places), layers_of(network)
        if not places:
            return predict

        def answer(x: Tensor) -> Tensor:
            with folded(places):
                return predict(x)

        return answer

    def acted(self) -> Acted:
        return Acted(*self.counts, "layers with a batch norm behind them to fold")

    def report(self) -> dict[str, Any]:
        """``latency``: time of an answer with the fold, as a share of the time without it."""
        import torch

        from tricks.layers.fused import folded, folds

        network, x = self.tools.network, self.tools.split.x[:IMAGES]
        places = folds(network) if self.fold else []
        if not places:
            return {}
        times: dict[bool, list[float]] = {True: [], False: []}
        with torch.inference_mode():
            for _ in range(ROUNDS):
                for fold, found in times.items():
                    with folded(places if fold else []):
                        start = perf_counter()
                        network(x).sum().item()  # waits for the device
                        found.append(perf_counter() - start)
        middle = {fold: sorted(found)[ROUNDS // 2] for fold, found in times.items()}
        return {"latency": middle[True] / middle[False]}
