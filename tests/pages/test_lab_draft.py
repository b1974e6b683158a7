"""The draft behind the lab, and the words of the launch bar: no page is drawn here."""

from __future__ import annotations

import json

import pytest

from pages.parts.cost import Cost, bar_text
from pages.parts.draft import decode, plan_of
from pages.parts.examples import EXAMPLES, example
from pages.parts.transfer import read
from trainer.experiment import Experiment, ExperimentError, parse


@pytest.mark.parametrize("title", EXAMPLES)
def test_every_example_can_be_launched(title):
    experiment = parse({k: v for k, v in plan_of(example(title)).items() if k != "design"})
    assert isinstance(experiment, Experiment)
    assert decode(plan_of(example(title))) == example(title)


def test_a_plan_keeps_what_it_holds():
    """Seeds, arms with names of their own, an A/A test and a baseline with tricks."""
    given = {
        "name": "A/A",
        "setup": {"steps": 50, "train_size": 100},
        "arms": [
            {"name": "plain", "tricks": [{"id": "batch_norm"}]},
            {"name": "plain too", "tricks": [{"id": "batch_norm"}]},
        ],
        "seeds": [5, 7, 9],
        "metric": "test_loss",
    }
    draft = decode(given)
    assert draft["design"] == "free"
    plan = plan_of(draft)
    assert [arm["name"] for arm in plan["arms"]] == ["plain", "plain too"]
    assert (plan["seeds"], plan["metric"]) == ([5, 7, 9], "test_loss")
    assert plan_of(decode(plan)) == plan


def test_a_plan_may_hold_a_conflict_but_nothing_wrong():
    together = {"design": "together", "arms": [
        {"name": "baseline"},
        {"name": "both", "tricks": [{"id": "one_cycle"}, {"id": "cyclic_cosine"}]},
    ]}  # fmt: skip
    assert decode(together)["design"] == "together"
    with pytest.raises(ExperimentError, match="mixup's alpha"):
        decode({"arms": [{"name": "a", "tricks": [{"id": "mixup", "knobs": {"alpha": 99}}]}]})


def test_the_bar_has_a_text_for_every_case():
    experiment = parse({k: v for k, v in plan_of(example()).items() if k != "design"})

    def says(new: int, under_way: int = 0, seconds: float | None = 80.0, worker: str = "ready"):
        cost = Cost(runs=32, new=new, under_way=under_way, seconds=seconds)
        return bar_text(experiment, cost, worker, 2)

    claim = "Enough seeds to claim a difference for 3 tricks."
    assert says(32) == f"**32 runs** = 4 arms × 8 seeds, about **40 s** on 2 workers. {claim}"
    assert says(32, seconds=None).endswith(f"{claim} Time not known yet: measuring…")
    assert says(32, worker="none") == "**32 runs** will wait until a worker is running."
    assert says(8) == "**8 new runs**, 24 are done already, about **40 s** on 2 workers."
    assert says(0) == "All 32 runs are done already. **Launch** opens them."
    assert says(0, under_way=30).startswith("All 32 runs are launched already, 30 of them")
    long = says(32, seconds=15_600.0)
    assert long.startswith("About **2 h 10 min** on 2 workers: **32 runs** = "), long


def test_an_experiment_is_loaded_from_what_the_command_line_prints():
    whole = {k: v for k, v in plan_of(example()).items() if k != "design"} | {"id": "3f9a11c2"}
    assert read(json.dumps({"experiment": whole, "arms": []})) == example()
    with pytest.raises(ExperimentError, match="seeds: is missing"):
        read(json.dumps({k: v for k, v in whole.items() if k != "seeds"}))
