"""What a run tells beside its curves: the numbers belong together, and stay small."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.trainer.loops import follow, make_run
from trainer import provenance, reports
from trainer.experiment import ENGINE
from trainer.networks import kaiming
from trainer.streams import stream
from trainer.tasks import task_of

MLP = {"kind": "mlp", "depth": 3, "width": 32}


def told(home, tricks=None, **setup):
    _, outcome = follow(make_run(tricks=tricks, **{"network": MLP, "steps": 60} | setup), home)
    return outcome


def test_a_report_says_how_right_and_how_sure_the_last_answers_were(home):
    outcome = told(home)
    found = json.loads(json.dumps(outcome.report, allow_nan=False))
    assert len(json.dumps(found)) < 20_000
    made = found["made_with"]
    assert list(made) == list(provenance.TITLES) and all(made.values())
    assert made["torch"] == torch.__version__ and made["device"] == "cpu"
    assert made["threads"] == torch.get_num_threads() and made["engine"] == ENGINE
    matrix = np.array(found["confusion"])
    assert matrix.shape == (10, 10) and matrix.sum() == 450
    assert matrix.trace() / 450 == pytest.approx(outcome.metrics["test_accuracy"], abs=1e-6)
    np.testing.assert_allclose(found["recall"], matrix.diagonal() / matrix.sum(1), atol=1e-4)
    assert found["balanced_accuracy"] == pytest.approx(np.mean(found["recall"]), abs=1e-4)
    assert sum(count for _, _, count in found["calibration"]["bins"]) == 450
    assert found["calibration"]["ece"] == found["ece"]
    assert outcome.metrics["ece"] == pytest.approx(found["ece"], rel=1e-4)
    assert set(outcome.metrics) == {
        "test_accuracy", "test_loss", "train_accuracy", "train_loss", "samples_per_second",
        "balanced_accuracy", "ece",
    }  # fmt: skip


def test_a_report_looks_into_the_network(home):
    found = told(home).report
    assert [one["name"] for one in found["layers"]] == ["ReLU 1", "ReLU 2", "ReLU 3"]
    assert all(one["units"] == 32 and one["scale"] > 0.1 for one in found["layers"])
    assert found["killed"] is None and found["weight_norm"] > 5
    assert found["sharpness"]["rho"] == reports.RHO and found["sharpness"]["rise"] > 0


def test_a_dead_network_is_told_of_with_its_number(home):
    found = told(home, [{"id": "init_zeros"}]).report
    assert found["dead_units"] == 1
    assert found["killed"] == ("all 32 units of ReLU 1 give the same value for all 200 images")


def test_a_trick_that_never_acted_says_of_how_many(home):
    found = told(home, [{"id": "flooding", "knobs": {"level": 0.001}}]).report
    acted = found["tricks"]["flooding"]["acted"]
    assert (acted["times"], acted["of"]) == (0, 60)
    assert "0.001" in acted["what"]


def test_pictures_are_packed_as_far_as_there_is_room():
    pixels = np.arange(48).reshape(3, 4, 4).tolist()
    (one,) = reports.packed([{"given": 1, "voted": 2, "pixels": pixels}])
    assert one["shape"] == [3, 4, 4] and (one["given"], one["voted"]) == (1, 2)
    assert list(base64.b64decode(one["pixels"])) == list(range(48))
    many = [{"pixels": np.zeros((3, 32, 32), int).tolist()}] * 24
    packed = reports.packed(many)
    assert 1 <= len(packed) < 24
    assert len(json.dumps(packed)) < 1.1 * reports.ROOM
    assert reports.packed([]) == []


def test_the_numbers_beside_the_curves(home):
    task = task_of(make_run(network=MLP), home=home, device="cpu", say=print)
    network = task.build(task.spec())
    kaiming(network, stream(0, "init"))
    logits, y = network(task.slice_x), task.slice_y
    cross_entropy(logits, y).backward()
    first = reports.on_grid(network, logits.detach(), y, trained=False)
    assert set(first) == {"weight_norm", "ece"}
    found = reports.on_grid(network, logits.detach(), y, trained=True)
    assert set(found) == {"weight_norm", "grad_first", "grad_last", "ece"}
    weights = [one for one in network.parameters() if one.dim() > 1]
    assert found["grad_first"] == pytest.approx(weights[0].grad.norm().item(), rel=1e-5)
    assert found["grad_last"] == pytest.approx(weights[-1].grad.norm().item(), rel=1e-5)
    right = (logits.argmax(-1) == y).float().mean().item()
    sure = logits.softmax(-1).amax(-1).mean().item()
    assert abs(right - sure) - 1e-6 <= found["ece"] <= 1  # the least it can be
    assert torch.isfinite(torch.tensor(list(found.values()))).all()
