"""What stands in a stand-alone script and what does not, and which arms have none."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tricks as catalogs
from trainer.experiment import Arm, Experiment, parse
from trainer.export.script import Unsupported, file_name, script

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = {
    "mlp": {"kind": "mlp", "depth": 2, "width": 16},
    "cnn": {"kind": "cnn", "depth": 3, "width": 4},
    "resnet": {"kind": "resnet", "depth": 2, "width": 4},
}
FLAWS = {"label_noise": 0.3, "imbalance": 3.0, "input_noise": 0.5}


def experiment(network: str, ids: str, more: dict[str, Any], **arm: Any) -> Experiment:
    """A few epochs of an arm on the digits."""
    setup = {"train_size": 96, "network": NETWORKS[network], "epochs": 3} | more
    arms = [{"name": ids or "plain", "tricks": [{"id": one} for one in ids.split()], **arm}]
    return parse({"name": "Does it help?", "setup": setup, "arms": arms, "seeds": [0]})


def test_making_scripts_imports_no_torch():
    given = json.dumps(experiment("resnet", "mixup distillation batch_norm", {}).dump())
    code = f"""
import sys
from trainer.experiment import parse
from trainer.export.script import script
given = parse({given!r})
assert "distillation" in script(given, given.arms[0], 0)
assert not {{"torch", "torchvision", "sklearn"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        ({"epochs": None, "seconds": 2.0}, "in seconds"),
        ({"dataset": "cifar10_jpg"}, "cifar10_jpg"),
    ],
)
def test_what_no_script_can_do_is_said(budget, reason):
    given = experiment("mlp", "", budget)
    with pytest.raises(Unsupported, match=reason) as refused:
        script(given, given.arms[0], 0)
    assert str(refused.value).endswith(".")


def test_only_what_the_arm_uses_is_there():
    given = experiment("mlp", "cosine", {})
    text = script(given, given.arms[0], 0)
    for absent in ("wrong_labels", "Pool", "Pixels", "Tools", "Conv2d(", "closure", "after_epoch"):
        assert absent not in text
    whole = experiment("cnn", "sam rho_loss early_stopping", FLAWS)
    text = script(whole, whole.arms[0], 0)
    for present in (
        "wrong_labels",
        "Tools(",
        "nn.Conv2d(",
        "def closure",
        ".after_epoch(",
        "noise",
    ):
        assert present in text
    order = re.findall(r"^# (\w+)[ :.]", text, flags=re.MULTILINE)
    sections = ["Settings", "Random", "Data", "Tricks", "Network", "Training", "Evaluation"]
    assert [one for one in order if one in sections] == sections


def test_the_head_says_what_it_is():
    given = experiment("mlp", "mixup", {}, lr_scale=0.5)
    text = script(given, given.arms[0], 3, result=(0.25, 0.875))
    said = ast.get_docstring(ast.parse(text)) or ""
    for words in ("Does it help?", "mixup", "seed 3", "0.250000", "0.8750", "MIT License", "torch"):
        assert words in said
    assert "alpha: float = 0.2  #" in text
    assert "lr: float = 0.05  # learning rate, times 0.5 in this arm" in text


def test_names_do_not_break_the_file():
    hard = 'an """arm\\ with \\"""'
    given = experiment("mlp", "", {}).model_copy(update={"name": hard})
    arm = Arm(name=hard)
    text = script(given, arm, 0)
    assert "arm" in (ast.get_docstring(ast.parse(text)) or "")
    assert file_name(arm).removesuffix(".py").isidentifier()


def test_file_names_differ_and_hide_no_library():
    names = [
        "baseline",
        "label smoothing",
        "label-smoothing",
        "标签平滑",
        "标签",
        "torch",
        "random",
    ]
    files = [file_name(Arm(name=one)) for one in names]
    assert files[:2] == ["baseline.py", "label_smoothing.py"]
    assert len(set(files)) == len(names)
    hidden = {one.removesuffix(".py") for one in files} & {*sys.stdlib_module_names, "torch"}
    assert hidden == set()


USES_PANDAS = '''"""Halving: the rate is halved."""

from __future__ import annotations

from tricks.base import Card, Paper, Slot, Trick


class Halving(Trick):
    card = Card(
        title="Halving", title_zh="减半", claim="It helps.", claimed_by="nobody", when="Now.",
        watch_out="Nothing.", formula="x", cost="nothing",
        paper=Paper(authors="Nobody", year=2026, title="Nothing", where="a test"),
    )
    slot = Slot.SCHEDULE

    def factor(self, step: int, steps: int) -> float:
        import pandas

        return pandas.Series([0.5]).sum()
'''


def test_a_trick_that_needs_another_library_is_refused(home, monkeypatch):
    monkeypatch.delenv("TRICKBOARD_OWN_TRICKS", raising=False)
    (home / "tricks").mkdir()
    (home / "tricks" / "halving.py").write_text(USES_PANDAS, encoding="utf-8")
    catalogs.LOOKS.clear()
    given = experiment("mlp", "halving", {})
    with pytest.raises(Unsupported, match="uses pandas"):
        script(given, given.arms[0], 0)
    catalogs.LOOKS.clear()
