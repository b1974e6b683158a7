"""A stand-alone script trains as the engine does: each is made, run and compared to a run."""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
import io
import os
import re
import subprocess
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest
import torch

import tricks as catalogs
from trainer.engine import train
from trainer.experiment import Experiment, parse
from trainer.export.script import file_name, script
from trainer.export.script_plan import LOCAL, rng, var

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.engine import Outcome
    from trainer.record import Point

CLOSE = 1e-6  # of the test loss; one thread gives the same bits on one machine
NETWORKS = {
    "mlp": {"kind": "mlp", "depth": 2, "width": 16},
    "cnn": {"kind": "cnn", "depth": 3, "width": 4},
    "resnet": {"kind": "resnet", "depth": 2, "width": 4},
}
FLAWS = {"label_noise": 0.3, "imbalance": 3.0, "input_noise": 0.5}
# The network, the tricks (with knobs where they matter), and what else the setup says.
ARMS: list[tuple[str, str, dict[str, Any]]] = [
    ("mlp", "", {}),
    ("cnn", "", {}),
    ("resnet", "", {}),
    ("mlp", "", FLAWS),
    ("mlp", "", {"preprocessing": "raw", "lr": 0.001}),
    ("mlp", "", {"preprocessing": "scale", "lr_scale": 0.5}),
    ("mlp", "mixup", {}),
    ("mlp", "mixup cosine label_smoothing", {"label_noise": 0.2}),
    ("mlp", "cutout random_erasing cutmix mixup", {}),
    ("mlp", "focal_loss class_balance", {"imbalance": 5.0}),
    ("mlp", "logit_adjustment", {"imbalance": 5.0}),
    ("mlp", "flooding", {"metric": "test_loss"}),
    ("mlp", "soft_threshold", {"input_noise": 1.0}),
    ("mlp", "gelu layer_norm init_orthogonal", {}),
    ("mlp", "maxout dropout", {}),
    ("mlp", "prelu batch_norm skip_connection", {}),
    ("mlp", "selu init_lecun", {}),
    ("mlp", "adamw warmup cosine", {"lr_scale": 0.25}),
    ("mlp", "muon", {}),
    ("mlp", "lion ema", {}),
    ("mlp", "adagrad", {}),
    ("mlp", "qhm dropout", {}),
    ("mlp", "lbfgs", {}),
    ("mlp", "gauss_newton", {}),
    ("mlp", "sam nesterov one_cycle", {}),
    ("mlp", "lookahead swa", {}),
    ("mlp", "grad_clip agc gradient_noise", {}),
    ("mlp", "grad_accum", {}),
    ("mlp", "amp", {}),
    ("mlp", "linear_lr_scaling scale_schedule step_lr", {}),
    ("mlp", "l1 max_norm no_bias_decay", {}),
    ("mlp", "early_stopping", {}),
    ("mlp", "reduce_on_plateau", {}),
    ("mlp", "rho_loss", {"label_noise": 0.2}),
    ("mlp", "pseudo_label", FLAWS),
    ("mlp", "active_selection", {"label_noise": 0.2}),
    ("mlp", "confident_learning", {"label_noise": 0.2}),
    ("mlp", "curriculum adam", {}),
    ("mlp", "distillation", {}),
    ("mlp", "self_distillation", {}),
    ("mlp", "mean_teacher", {}),
    ("mlp", "adversarial_training", {}),
    ("mlp", "snapshot_ensemble", {}),
    ("mlp", "independent_nets", {}),
    ("mlp", "model_soup", {}),
    ("mlp", "augmix", {}),
    ("mlp", "rotate elastic", {}),
    ("mlp", "trivialaugment", {}),
    ("mlp", "pca_whitening", {}),
    ("mlp", "weight_norm multi_stage", {}),
    ("mlp", "triplet_loss", {}),
    ("cnn", "batch_norm dropout tta", {}),
    ("cnn", "squeeze_excite dropblock blurpool", {}),
    ("cnn", "spatial_attention weight_standardization group_norm", {}),
    ("cnn", "factorize", {}),
    ("resnet", "skip_connection batch_norm stochastic_depth", {}),
    ("resnet", "skip_connection fixup", {}),
    ("resnet", "rezero skip_connection", {}),
    ("resnet", "drsn_cw batch_norm", {}),
    ("resnet", "resnet_tweaks skip_connection bn_fuse batch_norm", {}),
    ("resnet", "dense_concat spp", {}),
    ("resnet", "pan", {}),
    ("resnet", "progressive_resizing channels_last", {}),
    ("resnet", "color_jitter", {"dataset": "shapes", "difficulty": 0.3}),
]
MODULES = {"numpy", "sklearn", "torch", "torchvision"} | set(sys.stdlib_module_names)


def experiment(network: str, tricks: str, more: dict[str, Any]) -> Experiment:
    """A few steps of an arm on the digits."""
    setup = {
        "dataset": "digits",
        "train_size": 96,
        "batch_size": 32,
        "network": NETWORKS[network],
        "epochs": 3,
        "lr": 0.1,
    }
    about = {key: more[key] for key in more if key not in ("metric", "lr_scale")}
    arm = {"name": tricks or "plain", "tricks": [{"id": one} for one in tricks.split()]}
    if "lr_scale" in more:
        arm["lr_scale"] = more["lr_scale"]
    data = {"name": "Does it help?", "setup": setup | about, "arms": [arm], "seeds": [0, 1]}
    return parse(data | ({"metric": more["metric"]} if "metric" in more else {}))


@functools.cache
def written(arm: int) -> str:
    """The script of one of ARMS."""
    given = experiment(*ARMS[arm])
    return script(given, given.arms[0], 0)


def ended(given: Experiment, seed: int, home: Path) -> tuple[Outcome, list[Point]]:
    """How the engine's run ends, and its points."""
    run = next(one for one in given.runs() if one.seed == seed)
    points: list[Point] = []
    steps = train(run, home=home)
    while True:
        try:
            points.append(next(steps))
        except StopIteration as end:
            return end.value, points


def loaded(text: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of a script that was read but not started."""
    module = types.ModuleType("stand_alone")
    monkeypatch.setitem(sys.modules, "stand_alone", module)
    exec(compile(text, "stand_alone.py", "exec"), module.__dict__)
    return module.__dict__


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for the data sets of all runs here."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


NAMES = [f"{network}-{tricks or 'plain'}" for network, tricks, _ in ARMS]


@pytest.mark.parametrize("arm", range(len(ARMS)), ids=NAMES)
def test_a_script_gives_the_curve_of_the_engine(arm, data, monkeypatch):
    given = experiment(*ARMS[arm])
    outcome, points = ended(given, 0, data)
    names = loaded(written(arm), monkeypatch)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        loss, accuracy = names["train"](0, "cpu")
    assert loss == pytest.approx(outcome.metrics["test_loss"], abs=CLOSE)
    assert accuracy == pytest.approx(outcome.metrics["test_accuracy"], abs=CLOSE)
    curve = {one.step: one.value for one in points if one.key == "test_loss"}
    drawn = re.findall(r"step +([\d,]+) .*test loss ([\d.e+-]+)", printed.getvalue())
    assert {int(step.replace(",", "")): float(value) for step, value in drawn} == pytest.approx(
        curve, abs=CLOSE
    )


def test_scripts_are_clean(tmp_path):
    """They pass ruff, import what is everywhere, and define nothing that they do not use."""
    for i, arm in enumerate(NAMES):
        text = written(i)
        (tmp_path / f"arm_{i}.py").write_text(text, encoding="utf-8")
        tree = ast.parse(text)
        roots = {one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
        roots |= {
            name.name for one in ast.walk(tree) if isinstance(one, ast.Import) for name in one.names
        }
        assert {one.split(".")[0] for one in roots} <= MODULES
        words = re.findall(r"\w+", text)
        for one in tree.body:
            if isinstance(one, ast.FunctionDef | ast.ClassDef):
                assert words.count(one.name) > 1, f"{arm}: {one.name} is not used"
    rules = ["--select", "E,F,W,I", "--line-length", "100", "--target-version", "py311"]
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", *rules, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_loop_keeps_its_own_names():
    """No trick may be called like something else that the loop uses: LOCAL knows all of it."""
    for i, arm in enumerate(ARMS):
        made = experiment(*arm).arms[0].make()
        tree = ast.parse(written(i))
        loop = next(one for one in tree.body if getattr(one, "name", "") == "train")
        ours = {var(one) for one in made} | {rng(one) for one in made}
        types = {one.name for one in tree.body if isinstance(one, ast.ClassDef)}
        names = {one.id for one in ast.walk(loop) if isinstance(one, ast.Name)}
        free = {one for one in names - ours - types - LOCAL if not hasattr(builtins, one)}
        assert sorted(one for one in free if one[0].islower()) == []


@pytest.mark.parametrize(
    ("network", "tricks", "more", "seed"),
    [("mlp", "mixup cosine ema", {"label_noise": 0.3}, 1), ("resnet", "batch_norm adam", {}, 0)],
)
def test_a_script_runs_where_there_is_no_trickboard(network, tricks, more, seed, data, tmp_path):
    given = experiment(network, tricks, more)
    outcome, _ = ended(given, seed, data)
    file = tmp_path / file_name(given.arms[0])
    file.write_text(script(given, given.arms[0], 0), encoding="utf-8")
    left = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    told = subprocess.run(
        [sys.executable, file.name, "--seed", str(seed)],
        cwd=tmp_path,
        env=left,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    loss, accuracy = outcome.metrics["test_loss"], outcome.metrics["test_accuracy"]
    assert told.splitlines()[-1] == f"final test loss {loss:.6f}  test accuracy {accuracy:.4f}"


def test_all_test_images_of_mnist_make_the_last_number(shared_data, data, monkeypatch):
    monkeypatch.setenv("TRICKBOARD_DATA", str(shared_data))
    given = experiment("mlp", "pseudo_label", {"dataset": "mnist", "train_size": 64, "epochs": 4})
    outcome, _ = ended(given, 0, data)
    names = loaded(script(given, given.arms[0], 0), monkeypatch)
    assert names["train"](0, "cpu") == pytest.approx(
        (outcome.metrics["test_loss"], outcome.metrics["test_accuracy"]), abs=CLOSE
    )


def test_a_script_says_when_it_diverges(data, monkeypatch):
    given = experiment("mlp", "leaky_relu", {"lr": 1000.0, "epochs": 20})
    outcome, _ = ended(given, 0, data)
    assert outcome.state == "diverged"
    names = loaded(script(given, given.arms[0], 0), monkeypatch)
    with pytest.raises(FloatingPointError, match=f"at step {outcome.steps}$"):
        names["train"](0, "cpu")


OWN = '''"""Halving: the rate is halved after the first half."""

from __future__ import annotations

from dataclasses import dataclass

from tricks.base import Card, Paper, Slot, Trick, knob


def halved(step: int, steps: int, share: float) -> float:
    return share if 2 * step >= steps else 1.0


@dataclass(kw_only=True)
class Halving(Trick):
    card = Card(
        title="Halving", title_zh="减半", claim="It helps.", claimed_by="nobody", when="Now.",
        watch_out="Nothing.", formula="x", cost="nothing",
        paper=Paper(authors="Nobody", year=2026, title="Nothing", where="a test"),
    )
    slot = Slot.SCHEDULE
    share: float = knob(0.5, low=0.1, high=1.0, help="what is left of the rate")

    def factor(self, step: int, steps: int) -> float:
        return halved(step, steps, self.share)
'''


@pytest.fixture
def own(home, monkeypatch):
    """Puts a trick of one's own into its folder."""
    monkeypatch.delenv("TRICKBOARD_OWN_TRICKS", raising=False)
    (home / "tricks").mkdir()

    def put(text: str) -> None:
        (home / "tricks" / "halving.py").write_text(text, encoding="utf-8")
        catalogs.LOOKS.clear()

    yield put
    catalogs.LOOKS.clear()


def test_a_trick_of_ones_own_goes_along(own, data, monkeypatch):
    own(OWN)
    given = experiment("mlp", "halving", {})
    outcome, _ = ended(given, 0, data)
    names = loaded(script(given, given.arms[0], 0), monkeypatch)
    assert names["train"](0, "cpu")[0] == pytest.approx(outcome.metrics["test_loss"], abs=CLOSE)
