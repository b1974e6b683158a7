"""Label cleaning: votes and the confident joint against cases counted by hand, and real runs."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from trainer.checks import notices
from trainer.engine import train
from trainer.experiment import Setup, parse
from tricks.base import Split
from tricks.data.confident_learning import (
    ConfidentLearning,
    calibrated,
    confident_joint,
    prune_by_noise_rate,
)
from tricks.data.label_cleaning_ensemble import LabelCleaningEnsemble, vote

if TYPE_CHECKING:
    from pathlib import Path

    from tricks.base import Trick

# Six examples of two classes; the first four were given class 0. The thresholds are
# t0 = (0.9 + 0.8 + 0.7 + 0.2) / 4 = 0.65 and t1 = (0.8 + 0.3) / 2 = 0.55.
P = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.2, 0.8], [0.2, 0.8], [0.7, 0.3]])
GIVEN = torch.tensor([0, 0, 0, 0, 1, 1])


def titles(setup: dict[str, Any], *tricks: Trick) -> str:
    setup = {"epochs": 1, "train_size": 600, **setup}
    return " | ".join(one.title for one in notices(Setup.model_validate(setup), tricks))


def cleaning(home: Path, trick: str, **knobs: float) -> dict[str, Any]:
    setup = {"train_size": 400, "label_noise": 0.3, "steps": 2}
    setup["network"] = {"kind": "mlp", "depth": 2, "width": 32}
    arm = {"name": "arm", "tricks": [{"id": trick, "knobs": knobs}]}
    running = train(
        parse({"name": "x", "setup": setup, "arms": [arm], "seeds": [0]}).runs()[0], home=home
    )
    while True:
        try:
            next(running)
        except StopIteration as end:
            found: dict[str, Any] = end.value.report["tricks"][trick]["cleaning"]
            return found


def test_votes_are_counted_by_class() -> None:
    guesses = torch.tensor([[0, 1, 2, 1], [0, 1, 1, 2], [0, 0, 1, 0]])
    given = torch.tensor([0, 0, 0, 0])
    flagged, said, votes = vote(guesses, given, 3, agree=2)
    assert flagged.tolist() == [False, True, True, False]  # the last three disagree on what it is
    assert said[1:3].tolist() == [1, 1] and votes.tolist() == [0, 2, 2, 1]
    assert not vote(guesses, given, 3, agree=3)[0].any()


def test_the_joint_is_what_one_counts_by_hand() -> None:
    joint, true = confident_joint(P, GIVEN)
    assert true.tolist() == [0, 0, 0, 1, 1, 0]
    assert joint.tolist() == [[3, 1], [1, 1]]
    torch.testing.assert_close(calibrated(joint, GIVEN), torch.tensor([[3.0, 1], [1, 1]]).double())


def test_who_is_sure_of_nothing_is_not_counted() -> None:
    p, given = torch.cat([P, torch.tensor([[0.5, 0.5]])]), torch.cat([GIVEN, GIVEN[-1:]])
    joint, true = confident_joint(p, given)  # class 1 begins at (0.8 + 0.3 + 0.5) / 3
    assert true.tolist() == [0, 0, 0, 1, 1, 0, -1] and joint.sum() == 6
    rates = calibrated(joint, given)
    assert rates.sum(1).tolist() == [4, 3]  # the rows are scaled to how often a class was given


def test_pruning_by_rate_takes_the_largest_margins() -> None:
    rates = torch.tensor([[2.0, 2.0], [0.4, 1.6]])
    assert prune_by_noise_rate(P, GIVEN, rates).tolist() == [False, False, True, True, False, False]


@pytest.mark.parametrize("mode", [0, 1])
def test_most_of_what_is_flagged_is_wrong_and_most_of_the_wrong_is_flagged(
    mode: int, home: Path
) -> None:
    found = cleaning(home, "label_cleaning_ensemble", folds=3, mode=mode)
    assert found["wrong"] == 120
    assert found["precision"] > 0.6 and found["recall"] > 0.6  # by chance 0.3
    assert found["flagged"] == found["relabeled" if mode else "dropped"]
    assert len(found["examples"]) == 24
    first = found["examples"][0]
    assert first["given"] != first["voted"] and first["agree"] == 3
    pixels = np.frombuffer(base64.b64decode(first["pixels"]), np.uint8)
    assert first["shape"] == [8, 8] and len(pixels) == 64
    assert pixels.max() > 200 and pixels.min() == 0


@pytest.mark.parametrize("method", [0, 1])
def test_one_models_confidence_finds_wrong_labels_too(method: int, home: Path) -> None:
    found = cleaning(home, "confident_learning", method=method)
    assert found["precision"] > 0.6 and found["recall"] > 0.5
    assert sum(map(sum, found["joint"])) == pytest.approx(1, abs=1e-4)


def test_relabeled_examples_keep_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    from tricks.layers import examples

    monkeypatch.setattr(examples, "out_of_fold", lambda *a: torch.eye(2)[torch.tensor([0, 0, 1])])
    monkeypatch.setattr(examples, "examples_of", lambda *a: [])
    split = Split(
        x=torch.zeros(3, 1, 1, 1),
        y=torch.tensor([0, 1, 1]),
        classes=2,
        index=torch.tensor([7, 8, 9]),
    )
    for mode, labels, index in ((0, [0, 1], [7, 9]), (1, [0, 0, 1], [7, 8, 9])):
        trick = LabelCleaningEnsemble(mode=mode)
        trick.tools = None  # type: ignore[assignment]
        after = trick.dataset(split, torch.Generator())
        assert after.y.tolist() == labels
        assert after.index is not None and after.index.tolist() == index


def test_rules() -> None:
    clean, noisy = {"label_noise": 0.0}, {"label_noise": 0.3}
    assert "No label is wrong here" in titles(clean, LabelCleaningEnsemble())
    assert titles(noisy, LabelCleaningEnsemble()) == ""
    assert "agree with the models" in titles(noisy, LabelCleaningEnsemble(mode=1))
    assert "Nothing can be flagged" in titles(noisy, LabelCleaningEnsemble(models=2, agree=3))
    assert "No label is wrong here" in titles(clean, ConfidentLearning())
    assert titles(noisy, ConfidentLearning()) == ""
    assert "do the same" in titles(noisy, ConfidentLearning(), LabelCleaningEnsemble())
