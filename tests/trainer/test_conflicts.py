"""The table of what should not be combined: each row speaks, and its valid neighbor does not."""

from __future__ import annotations

from typing import Any

import pytest

from trainer.checks import Notice, notices
from trainer.experiment import Setup
from tricks import catalog

LONG = {"train_size": 800, "epochs": 60}
Tricks = dict[str, dict[str, Any]]


def said(tricks: Tricks, setup: dict[str, Any]) -> list[Notice]:
    made = [catalog()[name](**knobs) for name, knobs in tricks.items()]
    return notices(Setup.model_validate({**LONG, **setup}), made)


def net(kind: str, depth: int = 3, width: int = 32) -> dict[str, Any]:
    return {"network": {"kind": kind, "depth": depth, "width": width}}


CNN, RESNET = net("cnn"), net("resnet")
CIFAR = {"dataset": "cifar10", **RESNET}
SHORT = {"epochs": None, "steps": 60}
RARE = {"imbalance": 20}

# The row; tricks and setup in which it speaks, how loudly; tricks and setup in which it is quiet.
ROWS: list[tuple[str, Tricks, dict[str, Any], str, Tricks, dict[str, Any]]] = [
    ("focal x label smoothing", {"focal_loss": {}, "label_smoothing": {}}, {}, "warning",
     {"focal_loss": {}, "dropout": {}}, RARE),
    ("focal x mixup", {"focal_loss": {}, "mixup": {}}, {}, "warning",
     {"focal_loss": {"gamma": 0.0}, "mixup": {}}, {}),
    ("focal x cutmix", {"focal_loss": {}, "cutmix": {}}, CNN, "warning",
     {"focal_loss": {"gamma": 0.0}, "cutmix": {}}, CNN),
    ("focal x class weights", {"class_weighted_ce": {}, "focal_loss": {}}, RARE, "error",
     {"class_weighted_ce": {}}, RARE),
    ("focal x oversampling", {"focal_loss": {}, "class_balance": {}}, RARE, "hint",
     {"focal_loss": {}}, RARE),
    ("class weights x oversampling", {"class_weighted_ce": {}, "class_balance": {}}, RARE,
     "warning", {"class_balance": {}}, RARE),
    ("logit adjustment x oversampling", {"logit_adjustment": {}, "class_balance": {}}, RARE,
     "warning", {"logit_adjustment": {}}, RARE),
    ("flooding x label smoothing", {"flooding": {}, "label_smoothing": {}}, {}, "warning",
     {"flooding": {"level": 0.55}, "label_smoothing": {}}, {}),
    ("flooding x mixup", {"flooding": {}, "mixup": {}}, {}, "warning",
     {"flooding": {"level": 0.55}, "mixup": {"alpha": 1.0}}, {}),
    ("flooding x focal", {"flooding": {}, "focal_loss": {}}, {}, "hint",
     {"flooding": {}, "focal_loss": {"gamma": 0.0}}, {}),
    ("flooding x L1", {"flooding": {}, "l1": {}}, {}, "hint", {"flooding": {}}, {}),
    ("flooding x accumulation", {"flooding": {}, "grad_accum": {}}, {}, "hint",
     {"flooding": {}}, {}),
    ("flooding x early stopping", {"flooding": {}, "early_stopping": {}}, {}, "hint",
     {"early_stopping": {}}, {}),
    ("flooding x plateau", {"flooding": {}, "reduce_on_plateau": {}}, {}, "hint",
     {"reduce_on_plateau": {}}, {}),
    ("label smoothing x distillation", {"label_smoothing": {}, "distillation": {}}, {}, "hint",
     {"distillation": {}}, {}),
    ("mixup x cutmix", {"mixup": {}, "cutmix": {}}, CNN, "hint", {"cutmix": {}}, CNN),
    ("mixup x label smoothing", {"mixup": {}, "label_smoothing": {}}, {}, "hint",
     {"mixup": {"alpha": 0.0}, "label_smoothing": {}}, {}),
    ("flip x digits", {"hflip": {}}, {}, "warning", {"hflip": {}}, CIFAR),
    ("color x gray", {"color_jitter": {}}, {}, "error", {"color_jitter": {}}, CIFAR),
    ("color noise x gray", {"fancy_pca": {}}, {}, "error", {"fancy_pca": {}}, CIFAR),
    ("hue x gray", {"hsv_power": {}}, {}, "error", {"hsv_power": {}}, CIFAR),
    ("batch norm x dropout", {"batch_norm": {}, "dropout": {}}, {}, "warning",
     {"batch_norm": {}, "dropout": {}}, CNN),
    ("batch norm x tiny batches", {"batch_norm": {}}, {"batch_size": 2}, "warning",
     {"batch_norm": {}}, {}),
    ("batch norm x single examples", {"batch_norm": {}}, {"batch_size": 1}, "error",
     {"group_norm": {}}, {"batch_size": 1}),
    ("batch norm x weight decay", {"batch_norm": {}, "weight_decay_l2": {}}, {}, "hint",
     {"weight_decay_l2": {}}, {}),
    ("batch norm x initialization", {"batch_norm": {}, "init_orthogonal": {}}, {}, "hint",
     {"init_orthogonal": {}}, {}),
    ("batch norm x weight norm", {"batch_norm": {}, "weight_norm": {}}, {}, "hint",
     {"weight_norm": {}}, {}),
    ("batch norm x accumulation", {"batch_norm": {}, "grad_accum": {}}, {}, "hint",
     {"group_norm": {}, "grad_accum": {}}, {}),
    ("batch norm x mixup", {"batch_norm": {}, "mixup": {}}, {}, "hint",
     {"group_norm": {}, "mixup": {}}, {}),
    ("batch norm x oversampling", {"batch_norm": {}, "class_balance": {}}, RARE, "hint",
     {"group_norm": {}, "class_balance": {}}, RARE),
    ("group norm x indivisible", {"group_norm": {}}, net("mlp", 3, 12), "hint",
     {"group_norm": {}}, {}),
    ("instance norm x MLP", {"instance_norm": {}}, {}, "error", {"instance_norm": {}}, CNN),
    ("SELU x batch norm", {"selu": {}, "batch_norm": {}}, {}, "warning",
     {"selu": {}, "init_lecun": {}}, {}),
    ("SELU x dropout", {"selu": {}, "dropout": {}}, {}, "warning",
     {"selu": {}, "init_lecun": {}}, {}),
    ("SELU x Kaiming", {"selu": {}}, {}, "hint", {"selu": {}, "init_lecun": {}}, {}),
    ("soft threshold x plain net", {"soft_threshold": {"tau": 0.5}}, {}, "warning",
     {"soft_threshold": {"tau": 0.5}, "batch_norm": {}}, {}),
    ("zero gamma needs skips", {"zero_gamma": {}, "batch_norm": {}}, RESNET, "error",
     {"zero_gamma": {}, "batch_norm": {}, "skip_connection": {}}, RESNET),
    ("stochastic depth needs skips", {"stochastic_depth": {}}, RESNET, "error",
     {"stochastic_depth": {}, "skip_connection": {}, "batch_norm": {}}, RESNET),
    ("fixup needs skips", {"fixup": {}}, RESNET, "error",
     {"fixup": {}, "skip_connection": {}}, RESNET),
    ("rezero needs skips", {"rezero": {}}, RESNET, "error",
     {"rezero": {}, "skip_connection": {}}, RESNET),
    ("Adam x weight decay", {"adam": {}, "weight_decay_l2": {}}, {}, "warning",
     {"adam": {}}, {}),
    ("L-BFGS x mini-batches", {"lbfgs": {}}, {}, "warning", {"lbfgs": {}}, {"batch_size": 800}),
    ("L-BFGS x dropout", {"lbfgs": {}, "dropout": {}}, {"batch_size": 800}, "error",
     {"lbfgs": {}, "l1": {}}, {"batch_size": 800}),
    ("L-BFGS x augmentation", {"lbfgs": {}, "mixup": {}}, {"batch_size": 800}, "warning",
     {"lbfgs": {}, "l1": {}}, {"batch_size": 800}),
    ("L-BFGS x schedule", {"lbfgs": {}, "cosine": {}}, {"batch_size": 800}, "error",
     {"lbfgs": {}, "l1": {}}, {"batch_size": 800}),
    ("L-BFGS x clipping", {"lbfgs": {}, "grad_clip": {}}, {"batch_size": 800}, "error",
     {"lbfgs": {}, "l1": {}}, {"batch_size": 800}),
    ("L-BFGS x mixed precision", {"lbfgs": {}, "amp": {}}, {"batch_size": 800}, "error",
     {"lbfgs": {}, "l1": {}}, {"batch_size": 800}),
    ("SAM x accumulation", {"sam": {}, "grad_accum": {}}, {}, "error", {"sam": {}}, {}),
    ("SAM x mixed precision", {"sam": {}, "amp": {}}, {}, "warning", {"amp": {}}, {}),
    ("SAM x L-BFGS", {"sam": {}, "lbfgs": {}}, {"batch_size": 800}, "error", {"sam": {}}, {}),
    ("cyclic x plateau", {"cyclic_cosine": {}, "reduce_on_plateau": {}}, {}, "error",
     {"cyclic_cosine": {}}, {}),
    ("cyclic x early stopping", {"cyclic_cosine": {}, "early_stopping": {}}, {}, "warning",
     {"cosine": {}, "early_stopping": {}}, {}),
    ("one-cycle x early stopping", {"one_cycle": {}, "early_stopping": {}}, {}, "warning",
     {"cosine": {}, "early_stopping": {}}, {}),
    ("cyclic x EMA", {"cyclic_cosine": {}, "ema": {}}, {}, "hint",
     {"one_cycle": {}, "ema": {}}, {}),
    ("RAdam x warmup", {"radam": {}, "warmup": {}}, {}, "hint", {"adam": {}, "warmup": {}}, {}),
    ("RAdam x short budget", {"radam": {}}, SHORT, "warning", {"radam": {}}, {}),
    ("warmup x short budget", {"warmup": {}}, SHORT, "warning", {"warmup": {}}, {}),
    ("Muon x convolutions", {"muon": {}}, RESNET, "hint", {"muon": {}}, {}),
    ("clip x mixed precision", {"grad_clip": {}, "amp": {}}, {}, "hint", {"grad_clip": {}}, {}),
    ("spectral norm x weight norm", {"spectral_norm": {}, "weight_norm": {}}, {}, "error",
     {"spectral_norm": {}}, {}),
    ("progressive resizing x linear head", {"progressive_resizing": {}}, CNN, "error",
     {"progressive_resizing": {}}, RESNET),
    ("multi-scale x linear head", {"multi_scale": {}}, {}, "error", {"multi_scale": {}}, RESNET),
    ("distillation x mixup", {"distillation": {}, "mixup": {}}, {}, "hint",
     {"distillation": {}}, {}),
    ("rand_skip x shuffle", {"rand_skip": {}, "shuffle": {}}, {}, "error", {"rand_skip": {}}, {}),
    ("erasing x cutout", {"random_erasing": {}, "cutout": {}}, {**CNN, **SHORT}, "warning",
     {"cutout": {}}, {**CNN, **SHORT}),
    ("cutout x cutmix", {"cutmix": {}, "cutout": {}}, {**CNN, **SHORT}, "warning",
     {"cutmix": {}}, {**CNN, **SHORT}),
    ("dropblock x cutout", {"dropblock": {}, "cutout": {}}, {**CNN, **SHORT}, "warning",
     {"dropblock": {}}, {**CNN, **SHORT}),
    ("snapshots need their cycle", {"snapshot_ensemble": {}}, {}, "warning",
     {"snapshot_ensemble": {}, "cyclic_cosine": {}}, {}),
    ("mixed precision x CPU", {"amp": {}}, {"device": "cpu"}, "hint",
     {"amp": {}}, {"device": "cuda"}),
]  # fmt: skip


def about(found: list[Notice], tricks: Tricks, kind: str) -> set[str]:
    """The titles of that kind that are about tricks of the row alone."""
    return {one.title for one in found if one.kind == kind and set(one.tricks) <= set(tricks)}


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_the_row_speaks_and_its_neighbor_does_not(row: Any) -> None:
    """The row has a line of its kind that the neighbor has not, with a reason."""
    _, tricks, setup, kind, neighbor, elsewhere = row
    found, other = said(tricks, setup), said(neighbor, elsewhere)
    own = about(found, tricks, kind) - {one.title for one in other}
    assert own, found
    assert all(one.reason.endswith(".") for one in found)
