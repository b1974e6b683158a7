"""Scale schedule: make the schedules for fewer or more steps than the run has."""

from __future__ import annotations

from dataclasses import dataclass

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob
from tricks.places import LONG_ENOUGH_TO_SLOW_DOWN


@dataclass(kw_only=True)
class ScaleSchedule(Trick):
    card = Card(
        title="Scale schedule",
        title_zh="缩放调度",
        claim="A schedule made for less time trades a little accuracy for much time.",
        claimed_by="MosaicML's Composer",
        when="With any schedule: to see what the same schedule gives in half of the time.",
        watch_out="Arms get equal steps here, so the run is not shortened: below 1 the schedule "
        "is over early and its last rate is kept; above 1 it is cut off before it has come down.",
        formula=r"\eta_t = \eta_0\,f\left(t,\ r\,T\right)",
        paper=Paper(
            authors="The Mosaic ML team",
            year=2021,
            title="Composer: scale schedule",
            where="github.com/mosaicml/composer",
        ),
        cost="nothing",
        zh=Chinese(
            claim="按更短的时间制定调度，用一点准确率换很多时间。",
            when="与任何调度一起用：看同一个调度在一半的时间里能得到什么。",
            watch_out="这里各臂的步数相同，所以训练并不缩短：小于 1 时调度提前结束，并保持最后的"
            "学习率；大于 1 时还没降下来就被截断。",
        ),
        regime=Regime(
            setup=LONG_ENOUGH_TO_SLOW_DOWN,
            knobs={"ratio": 0.5},
            baseline=("cosine",),
        ),
        rules=(
            Rule(
                kind="warning",
                title="Scale schedule has no schedule to scale",
                reason="The rate of this arm is constant however many steps it is made for. Add a "
                "schedule, such as Cosine.",
                unless="slot:schedule",
                when=lambda own, other, facts: {} if own.ratio != 1 else None,
            ),
        ),
    )
    ratio: float = knob(
        0.5, low=0.25, high=4.0, neutral=1.0, log=True, symbol="r",
        help="steps that the schedules are made for, as a share of the run's",
    )  # fmt: skip

    def horizon(self, steps: int) -> int:
        return max(1, round(self.ratio * steps))
