"""Variety: buy labels for the images that are least like those of the training set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tricks.base import Card, Chinese, Facts, Paper, Regime, Rule, Trick, knob
from tricks.rules import pool_is_empty

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from tricks.base import Split

CANDIDATES = 5000  # images of the pool that are looked at


def k_center_greedy(x: Tensor, have: Tensor, count: int) -> Tensor:
    """``count`` positions of ``x`` (M, D): each time the one farthest from all that is there.

    ``have`` (N, D) is there already. Sener and Savarese 2017, algorithm 1.
    """
    import torch

    far = torch.cdist(x, have).amin(1)
    chosen: list[Tensor] = []
    for _ in range(count):
        best = far.argmax()
        chosen.append(best)
        far = torch.minimum(far, torch.cdist(x, x[best][None])[:, 0])
        far[best] = -1
    return torch.stack(chosen) if chosen else torch.empty(0, dtype=torch.long, device=x.device)


def short(own: Any, other: Any, facts: Facts) -> dict[str, object] | None:
    """Fewer images are left than it would choose from."""
    wanted = round((own.times - 1) * facts.train_size)
    return {"pool": facts.pool, "wanted": wanted} if 0 < facts.pool < 2 * wanted else None


@dataclass(kw_only=True)
class Variety(Trick):
    card = Card(
        title="Variety",
        title_zh="数据多样性",
        claim="New examples help most where the training set has none like them.",
        claimed_by="the thread; Sener and Savarese 2017",
        when="A small training set and a large pool: compare it with as many images bought at "
        "random (More data).",
        watch_out="Farthest in pixels are often odd or noisy pictures, not useful ones: against as "
        "many at random it may lose. The other arms do not get the labels.",
        formula=r"u = \arg\max_{i \in \mathrm{pool}} \; \min_{j \in S} \lVert x_i - x_j \rVert, "
        r"\quad S \leftarrow S \cup \{u\}",
        paper=Paper(
            authors="Sener and Savarese",
            year=2017,
            title="Active learning for convolutional neural networks: A core-set approach",
            arxiv="1708.00489",
        ),
        cost="(f − 1) N labels, and distances of all pairs of images before training",
        thread="various",
        zh=Chinese(
            claim="训练集里没见过的样子，新样本最有用。",
            when="训练集小、未标注图像多时：与随机购买同样数量（更多数据）相比。",
            watch_out="像素上最远的往往是古怪或带噪声的图，不一定有用；可能还不如随机买。别的组没"
            "有这些标签。",
        ),
        regime=Regime(setup={"train_size": 100, "epochs": 60}, beside=("more_data",)),
        rules=(
            pool_is_empty("Variety finds no other images", lambda own: own.times > 1),
            Rule(
                kind="hint",
                title="Variety has little to choose from",
                reason="It wants {wanted:,} images and the data set has {pool:,} left, so it takes "
                "most of them whatever they look like.",
                when=short,
            ),
        ),
    )
    times: float = knob(
        2.0, low=1.0, high=10.0, neutral=1.0, symbol="f", help="how many times larger it gets"
    )
    bought: int = field(init=False, default=0, repr=False, compare=False)

    def dataset(self, split: Split, rng: Generator) -> Split:
        import torch

        from tricks.layers.examples import grown

        pool = self.tools.pool
        which = torch.randperm(pool.size, generator=rng)[:CANDIDATES]
        self.bought = min(len(which), round((self.times - 1) * len(split.y)))
        if self.bought == 0:
            return split
        x = pool.images(which)
        far = k_center_greedy(x.flatten(1), split.x.flatten(1), self.bought)
        return grown(split, x[far], pool.labels(which[far.cpu()]))

    def report(self) -> dict[str, Any]:
        return {"labels": {"bought": self.bought}}
