"""Test-time augmentation: ask about several views of an image and average the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from tricks.base import Predictor


def views(x: Tensor, shift: int, flip: bool) -> list[Tensor]:
    """The image, moved by ``shift`` pixels in four directions, and all of it mirrored.

    ``x`` is (N, channels, height, width); what comes in from outside repeats the border.
    """
    from torch.nn.functional import pad

    found = [x]
    if shift:
        height, width = x.shape[-2:]
        wide = pad(x, (shift, shift, shift, shift), mode="replicate")
        for down, right in ((0, 1), (2, 1), (1, 0), (1, 2)):
            top, left = down * shift, right * shift
            found.append(wide[..., top : top + height, left : left + width])
    return found + [one.flip(-1) for one in found] if flip else found


@dataclass(kw_only=True)
class TTA(Trick):
    card = Card(
        title="Test-time augmentation",
        title_zh="测试时增强",
        claim="Ask about several views of an image; errors of single views average out.",
        claimed_by="Krizhevsky et al. 2012",
        when="The network was trained with the same shifts, and an answer may cost more.",
        watch_out="On 8x8 digits a pixel is a large shift, which an MLP trained without shifts "
        "does not know: then it hurts. Only views that leave the label true are of use.",
        formula=r"p(x) = \frac{1}{V}\sum_{v=1}^{V} \mathrm{softmax}\,f(T_v x)",
        paper=Paper(
            authors="Krizhevsky, Sutskever and Hinton",
            year=2012,
            title="ImageNet classification with deep convolutional neural networks",
            where="NeurIPS 2012, section 4.1",
        ),
        cost="5 passes for every answer, 10 with mirror images; nothing in training",
        zh=Chinese(
            claim="对一张图的多个视角分别回答再平均，单个视角的错误会互相抵消。",
            when="训练时用过同样的平移，并且回答可以更贵时。",
            watch_out="在 8x8 的数字上平移一个像素已经很大，没见过平移的 MLP 不认识，反而变差。"
            "只有不改变标签的视角才有用。",
        ),
        regime=Regime(
            setup={
                "train_size": 200,
                "epochs": 20,
                "network": {"kind": "cnn", "depth": 2, "width": 16},
            },
            baseline=("random_crop",),
        ),
        rules=(
            Rule(
                kind="error",
                title="Mirror images are other things in {data}",
                reason="A mirrored image of {data} may have another label or none. Leave flip "
                "at 0.",
                when=lambda own, other, facts: (
                    {"data": facts.dataset}
                    if own.flip and "hflip" not in facts.symmetries
                    else None
                ),
            ),
            Rule(
                kind="hint",
                title="Test-time augmentation asks about shifts that training may not show",
                reason="A network that never saw a shifted image answers the shifted views worse. "
                "Random crop trains it on them.",
                unless="random_crop",
                when=lambda own, other, facts: {} if own.shift else None,
            ),
        ),
    )
    order = 10  # whoever answers is asked about every view
    shift: int = knob(
        1, low=0, high=4, neutral=0, integer=True, symbol="s", help="pixels that views are moved by"
    )
    flip: int = knob(
        0, low=0, high=1, neutral=0, integer=True, symbol="flip", help="1 asks mirror images too"
    )

    def predictor(self, network: Module, predict: Predictor) -> Predictor:
        if not self.shift and not self.flip:
            return predict

        def answer(x: Tensor) -> Tensor:
            import torch

            from tricks.layers.members import mean_answer

            seen = views(x, self.shift, bool(self.flip))
            return mean_answer(torch.stack([predict(view) for view in seen]))

        return answer
