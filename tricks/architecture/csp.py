"""Cross stage partial: a share of the channels goes around the block, untouched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Slot, Trick, knob

if TYPE_CHECKING:
    from tricks.base import NetworkSpec


@dataclass(kw_only=True)
class Csp(Trick):
    card = Card(
        title="Cross stage partial block (CSP)",
        title_zh="跨阶段部分连接",
        claim="Half of the channels go around the block: much less work, hardly less accuracy.",
        claimed_by="Wang et al. 2019; the YOLOv4 paper",
        when="Where the work counts: on digits a tie (97.9 % and 97.0 %, 3 seeds) in two thirds "
        "of the time.",
        watch_out="Here the channels are split around each block; in CSPDarknet-53 around each "
        "stage of several blocks. It is a way to save, not to gain: expect a tie at best, in less "
        "time. Small maps on a CPU save less time than work.",
        formula=r"y = W\,[x',\; F(x'')],\quad x = [x', x'']",
        paper=Paper(
            authors="Wang et al.",
            year=2019,
            title="CSPNet: A new backbone that can enhance learning capability of CNN",
            arxiv="1911.11929",
        ),
        cost="a third of the multiplications of a block at a share of one half",
        published="ImageNet: CSPDarknet-53 needs 30 % fewer multiplications than Darknet-53 at "
        "77.2 % top-1.",
        thread="splite",
        zh=Chinese(
            claim="一半通道绕过模块：计算量小得多，准确率几乎不降。",
            when="计算量重要的时候：在 digits 上打平（97.9 % 和 97.0 %，3 个种子），用时三分之二。",
            watch_out="这里在每个块上分开通道；CSPDarknet-53 则在由多个块组成的阶段上分开。它是用来"
            "节省而不是提升的：最多打平，时间更少。CPU 上的小特征图省下的时间比计算量少。",
        ),
        regime=Regime(
            setup={
                "network": {"kind": "resnet", "depth": 3, "width": 32},
                "train_size": 500,
                "epochs": 10,
            },
            baseline=("skip_connection", "batch_norm"),
            beside=("split_transform",),
        ),
    )
    slot = Slot.BLOCK
    kinds = ("resnet",)
    share: float = knob(
        0.5, low=0.1, high=0.9, symbol="γ", help="share of the channels that go around the block"
    )

    def network(self, spec: NetworkSpec) -> NetworkSpec:
        from tricks.layers.branches import PartialBranch

        return replace(spec, block=partial(PartialBranch, share=self.share))
