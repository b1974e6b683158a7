"""The laws of trainer/laws.py for every trick of the catalog, new ones included."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trainer import laws
from trainer.checks import conflicts
from trainer.engine import train
from trainer.experiment import Arm, Setup, parse
from trainer.lawbench import curve, experiment_of
from tricks import built_in

if TYPE_CHECKING:
    from tricks.base import Trick

TRICKS = list(built_in().values())
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> laws.Bench:
    return laws.Bench(home=tmp_path_factory.mktemp("home"))


# Trick by trick, so that the laws share its runs.
@pytest.mark.parametrize("trick", TRICKS, ids=lambda one: one.id())
@pytest.mark.parametrize("law", laws.LAWS, ids=lambda one: one.__name__)
def test_law(trick: type[Trick], law: laws.Law, bench: laws.Bench) -> None:
    law(trick, bench)


def test_a_trick_is_where_its_module_says() -> None:
    for trick in TRICKS:
        assert trick.__module__ == f"tricks.{trick.family()}.{trick.id()}"


def test_catalog_and_checks_import_no_torch() -> None:
    code = """
import sys
from tricks import catalog
from trainer import checks, designs, experiment, rates
setup = experiment.Setup.model_validate({"epochs": 2})
every = [trick() for trick in catalog().values()]
checks.notices(setup, every)
rates.schedule(setup, every)(1)
assert not {"torch", "numpy", "streamlit"} & set(sys.modules), "heavy"
from trainer import regimes
[regimes.try_it(trick, {}) for trick in catalog().values()]  # counts seeds, with numpy
assert not {"torch", "streamlit"} & set(sys.modules), "heavy"
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_tricks_that_go_together_train_together(bench: laws.Bench) -> None:
    """One trick for each slot, and one of each family that owns none and excludes nobody."""
    setup = {"train_size": 128, "steps": 20, "lr": 0.01, "network": laws.NETWORKS["mlp"]}
    arm: list[dict[str, str]] = []
    seen = set()
    for trick in TRICKS:
        place = trick.slot or trick.family()
        more = [*arm, {"id": trick.id()}]
        fits = not conflicts(
            Setup.model_validate(setup), Arm.model_validate({"name": "arm", "tricks": more})
        )
        if fits and trick.learns and not trick.is_default and place not in seen:
            seen.add(place)
            arm = more
    assert len(arm) > 10
    forth, back = (
        curve(train(parse(experiment_of(setup, one)).runs()[0], home=bench.home))
        for one in (arm, arm[::-1])
    )
    assert forth.outcome.state == "done"
    assert forth.points == back.points
