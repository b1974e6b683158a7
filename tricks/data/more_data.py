"""More data: buy labels for images that the training set leaves over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tricks.base import Card, Chinese, Facts, Paper, Regime, Rule, Trick, knob
from tricks.rules import pool_is_empty

if TYPE_CHECKING:
    from torch import Generator

    from tricks.base import Split


def to_buy(count: int, times: float, pool: int) -> int:
    """How many examples turn ``count`` into ``times`` times as many, if the pool has them."""
    return min(pool, round((times - 1) * count))


def short(own: Any, other: Any, facts: Facts) -> dict[str, object] | None:
    """The pool has some images, but fewer than are asked for."""
    wanted = round((own.times - 1) * facts.train_size)
    return {"pool": facts.pool, "wanted": wanted} if 0 < facts.pool < wanted else None


@dataclass(kw_only=True)
class MoreData(Trick):
    card = Card(
        title="More data",
        title_zh="更多数据",
        claim="Twice the data gains more than any trick.",
        claimed_by="the thread; Halevy et al. 2009",
        when="A training set smaller than the data set, so that there is something to buy: put it "
        "beside your best stack of tricks.",
        watch_out="The other arms do not get the labels: it is a fair comparison only if you say "
        "what they cost. New labels are wrong as often as the old ones.",
        formula=r"N \to f N",
        paper=Paper(
            authors="Halevy, Norvig and Pereira",
            year=2009,
            title="The unreasonable effectiveness of data",
            where="IEEE Intelligent Systems 24(2)",
        ),
        cost="(f − 1) N labels; the steps stay the same",
        thread="以上可能带来最多 10 的收益，你得搞数据啊",
        zh=Chinese(
            claim="数据翻一倍，比任何技巧都管用。",
            when="训练集小于整个数据集、还有图可以标注时：把它和你最好的技巧组合放在一起比。",
            watch_out="别的组没有这些标签：说清标注成本，比较才公平。新买的标签和原来的一样会出错"
            "。",
        ),
        regime=Regime(
            setup={"train_size": 150, "epochs": 60},
            knobs={"times": 4},
            beside=("mixup", "dropout", "label_smoothing"),
        ),
        rules=(
            pool_is_empty("More data finds no more data", lambda own: own.times > 1),
            Rule(
                kind="hint",
                title="More data gets less than it asks for",
                reason="It wants {wanted:,} more images and the data set has {pool:,} left.",
                when=short,
            ),
        ),
    )
    times: float = knob(
        2.0, low=1.0, high=20.0, neutral=1.0, symbol="f", help="how many times larger it gets"
    )
    bought: int = field(init=False, default=0, repr=False, compare=False)

    def dataset(self, split: Split, rng: Generator) -> Split:
        import torch

        from tricks.layers.examples import grown

        pool = self.tools.pool
        self.bought = to_buy(len(split.y), self.times, pool.size)
        if self.bought == 0:
            return split
        which = torch.randperm(pool.size, generator=rng)[: self.bought]
        return grown(split, pool.images(which), pool.labels(which))

    def report(self) -> dict[str, Any]:
        return {"labels": {"bought": self.bought}}
