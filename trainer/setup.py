"""The setup of an experiment: the task, the data, the network and the budget, for all its arms."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainer.datasets import DATASETS
from tricks.base import Facts

Finite = Annotated[float, Field(allow_inf_nan=False, strict=True)]
Whole = Annotated[int, Field(strict=True)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MLP(Model):
    """``depth`` hidden layers of ``width`` units."""

    kind: Literal["mlp"] = "mlp"
    depth: Whole = Field(3, ge=1, le=100)
    width: Whole = Field(128, ge=1, le=4096)


class CNN(Model):
    """``depth`` 3x3 convolutions, the first of ``width`` channels, and one linear layer."""

    kind: Literal["cnn"] = "cnn"
    depth: Whole = Field(2, ge=1, le=100)
    width: Whole = Field(16, ge=1, le=4096)


class ResNet(Model):
    """``depth`` blocks of two convolutions, starting with ``width`` channels."""

    kind: Literal["resnet"] = "resnet"
    depth: Whole = Field(3, ge=1, le=100)
    width: Whole = Field(16, ge=1, le=4096)


class Setup(Model):
    """What every arm shares: the task, the data, the network and the budget."""

    task: Literal["classification"] = "classification"
    dataset: str = "digits"
    train_size: Whole | None = Field(None, ge=2)
    label_noise: Finite = Field(0.0, ge=0, le=0.9)
    imbalance: Finite = Field(1.0, ge=1, le=1000)
    input_noise: Finite = Field(0.0, ge=0, le=10)
    difficulty: Finite | None = Field(None, ge=0, le=1)
    preprocessing: Literal["standardize", "scale", "raw"] = "standardize"
    network: Annotated[MLP | CNN | ResNet, Field(discriminator="kind")] = MLP.model_construct(
        depth=3, width=128
    )
    epochs: Whole | None = Field(None, ge=1, le=10_000)
    steps: Whole | None = Field(None, ge=1, le=10_000_000)
    seconds: Finite | None = Field(None, gt=0, le=86_400)
    batch_size: Whole = Field(32, ge=1, le=65_536)
    lr: Finite = Field(0.1, gt=0, le=1000)
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d{1,2})?|mps)$")] = "auto"

    @model_validator(mode="before")
    @classmethod
    def fill(cls, given: Any) -> Any:
        """Defaults that depend on the data set: all of its examples, its own difficulty."""
        if not isinstance(given, dict):
            return given
        name = given.get("dataset", "digits")
        data = DATASETS.get(name) if isinstance(name, str) else None
        if data is None:
            return given
        given = dict(given)
        if given.get("train_size") is None:
            given["train_size"] = data.train_size
        if given.get("difficulty") is None:
            given["difficulty"] = data.difficulty
        return given

    @property
    def image(self) -> tuple[int, int, int]:
        """Channels, height and width of one example."""
        return DATASETS[self.dataset].image

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in one pass; a training set smaller than a batch is one batch."""
        assert self.train_size is not None
        return max(1, self.train_size // self.batch_size)

    @property
    def total_steps(self) -> int | None:
        """The budget in steps, None if it is in seconds."""
        if self.epochs is not None:
            return self.epochs * self.steps_per_epoch
        return self.steps

    def facts(self) -> Facts:
        """What the rules of the tricks may know."""
        assert self.train_size is not None
        return Facts(
            dataset=self.dataset,
            classes=DATASETS[self.dataset].classes,
            image=self.image,
            symmetries=DATASETS[self.dataset].symmetries,
            train_size=self.train_size,
            pool=DATASETS[self.dataset].train_size - self.train_size,
            preprocessing=self.preprocessing,
            label_noise=self.label_noise,
            imbalance=self.imbalance,
            network=self.network.kind,
            depth=self.network.depth,
            width=self.network.width,
            batch_size=self.batch_size,
            lr=self.lr,
            steps=self.total_steps,
            device=self.device,
        )
