"""Mean teacher: agree with the average of your own past, on images without labels too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tricks.base import Card, Chinese, Paper, Regime, Rule, Trick, knob

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module
    from torch.optim.swa_utils import AveragedModel

    from tricks.base import Predictor


def disagreement(student: Tensor, teacher: Tensor) -> Tensor:
    """The mean squared difference of the probabilities, summed over classes; a scalar.

    Both are (N, C) logits. Tarvainen and Valpola 2017, equation 1.
    """
    return (student.softmax(-1) - teacher.softmax(-1)).square().sum(-1).mean()


def ramped(progress: float, end: float) -> float:
    """From exp(-5) to 1 at ``end`` of the run, then 1; as in the paper's section 3."""
    from math import exp

    return 1.0 if progress >= end else exp(-5 * (1 - progress / end) ** 2)


@dataclass(kw_only=True)
class MeanTeacher(Trick):
    card = Card(
        title="Mean teacher",
        title_zh="均值教师",
        claim="Agreeing with the average of its own past teaches it on images without labels.",
        claimed_by="Tarvainen and Valpola 2017",
        when="Few labels and many images without one: 100 labeled digits and the rest of the set.",
        watch_out="Tested is the teacher, which is an EMA too: put EMA beside it to see what "
        "the agreement adds. With too much weight the two agree on nonsense.",
        formula=r"L = \mathrm{CE} + w \,\mathbb{E} \lVert f(x + \xi; \theta) - "
        r"f(x + \xi'; \bar\theta) \rVert^2, \quad \bar\theta \leftarrow d \bar\theta + (1 - d) "
        r"\theta",
        paper=Paper(
            authors="Tarvainen and Valpola",
            year=2017,
            title="Mean teachers are better role models: Weight-averaged consistency targets "
            "improve semi-supervised deep learning results",
            arxiv="1703.01780",
        ),
        cost="about 2.5 times the time of a step: two more passes, one of them backward",
        zh=Chinese(
            claim="与自己过去的平均保持一致，没有标签的图也能用来学习。",
            when="标签很少、未标注图像很多时：100 张有标签的数字，加上其余所有图。",
            watch_out="测试用的是教师，它本身也是滑动平均：把 EMA 放在旁边，才看得出一致性带来了什"
            "么。权重太大时，两者会在错误上达成一致。",
        ),
        regime=Regime(setup={"train_size": 100, "epochs": 200}, beside=("ema", "pseudo_label")),
        rules=(
            Rule(
                kind="warning",
                title="EMA and Mean teacher both answer on the test images",
                reason="Both are averages of the weights, and only one of them can be tested: the "
                "mean teacher. Give each an arm of its own.",
                other="ema",
                when=lambda own, other, facts: {} if own.weight and other.decay else None,
            ),
            Rule(
                kind="hint",
                title="Mean teacher finds no unlabeled images",
                reason="The training set takes all {count:,} images of the data set, so the two "
                "only have to agree on the labeled ones. Make it smaller in the setup.",
                when=lambda own, other, facts: (
                    {"count": facts.train_size} if own.weight and facts.pool == 0 else None
                ),
            ),
        ),
    )
    order = 30  # behind all that changes the images
    stacks = False
    weight: float = knob(
        10.0, low=0.0, high=100.0, neutral=0.0, symbol="w", help="weight of the disagreement"
    )
    decay: float = knob(
        0.9, low=0.0, high=0.9999, symbol="d",
        help="how much of the teacher is kept at a step; 0.99 and more for thousands of steps",
    )  # fmt: skip
    noise: float = knob(
        0.5, low=0.0, high=2.0, symbol="ξ",
        help="noise on what each of the two sees, in deviations of the inputs",
    )  # fmt: skip
    ratio: float = knob(
        3.0, low=0.0, high=10.0, symbol="ratio", help="unlabeled images for each labeled one"
    )
    ramp: float = knob(
        0.25, low=0.0, high=1.0, symbol="ramp", help="share of the run until the full weight"
    )
    teacher: AveragedModel | None = field(init=False, default=None, repr=False, compare=False)
    pairs: tuple[Tensor, Tensor] | None = field(init=False, default=None, repr=False, compare=False)

    def begin(self, rng: Generator) -> None:
        from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

        if self.weight:
            average = get_ema_multi_avg_fn(self.decay)  # type: ignore[no-untyped-call]
            network = self.tools.network
            self.teacher = AveragedModel(network, multi_avg_fn=average, use_buffers=True).eval()
            self.teacher.update_parameters(network)

    def batch(self, x: Tensor, y: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        import torch

        if self.teacher is None:
            return x, y
        pool, seen = self.tools.pool, x
        count = round(self.ratio * len(x)) if pool.size else 0
        if count:
            seen = torch.cat([x, pool.images(torch.randint(pool.size, (count,), generator=rng))])
        spread = self.noise * self.tools.split.x.std()
        first, second = (
            seen + spread * torch.randn(seen.shape, generator=rng).to(seen.device) for _ in range(2)
        )
        self.pairs = first, second
        return x, y

    def penalty(self, network: Module) -> Tensor:
        import torch

        if self.teacher is None or self.pairs is None:
            return torch.zeros((), device=self.tools.split.x.device)
        first, second = self.pairs
        with torch.no_grad():
            answer = self.teacher(second)
        weight = self.weight * ramped(self.tools.progress(), self.ramp)
        return weight * disagreement(network(first), answer)

    def after_step(self, network: Module, step: int) -> None:
        if self.teacher is not None:
            self.teacher.update_parameters(network)

    def predictor(self, network: Module, predict: Predictor) -> Predictor:
        return predict if self.teacher is None else self.teacher
