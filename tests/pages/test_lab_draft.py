"""The draft behind the lab, what is loaded into it, and the words of the launch bar: no page is
drawn here."""

from __future__ import annotations

import json

import pytest

from pages.parts.cost import Cost, bar_text
from pages.parts.decoding import decode
from pages.parts.draft import (
    arms_of,
    copy_arm,
    experiment_of,
    move_arm,
    plan_of,
    remove_arm,
    set_arm_scale,
    set_design,
    set_fraction,
    set_knob,
    set_margin,
    set_swept,
    set_tune,
    set_values,
    tick,
)
from pages.parts.examples import EMPTY, EXAMPLES, example
from pages.parts.transfer import read
from trainer.designs import DESIGNS
from trainer.experiment import Experiment, ExperimentError, pack, parse, unpack


@pytest.mark.parametrize("title", EXAMPLES)
def test_every_example_can_be_launched(title):
    experiment = parse({k: v for k, v in plan_of(example(title)).items() if k != "design"})
    assert isinstance(experiment, Experiment)
    assert decode(plan_of(example(title))) == example(title)


TRICKS = ["warmup", "mish", "sam", "ema", "flooding", "grad_clip"]


def kept(draft):
    """The draft that the plan brings back; ``apart`` is no part of a plan."""
    plan = unpack(pack(plan_of(draft)))
    assert plan == plan_of(draft)
    return decode(plan) == draft | {"apart": {}}


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("more", [0, 1, 2, 3, 5, 6])
def test_every_design_comes_back_from_its_plan(design, more):
    """With three ticked tricks and up to nine, which are too many for every combination."""
    draft = example()
    for trick in TRICKS[:more]:
        tick(draft, trick, True)
    set_design(draft, design)
    assert draft["design"] == design and kept(draft)
    set_fraction(draft, True)
    assert kept(draft)
    set_tune(draft, True)
    set_margin(draft, 0.01)
    assert kept(draft)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("tricks", [0, 1])
def test_few_tricks_make_every_design(design, tricks):
    draft = example(EMPTY)
    for trick in TRICKS[:tricks]:
        tick(draft, trick, True)
    set_design(draft, design)
    assert draft["design"] == design and kept(draft)
    assert isinstance(experiment_of(draft), Experiment)


@pytest.mark.parametrize("design", ["alone", "together", "leave_out", "every", "sweep"])
def test_a_design_is_recognized_by_its_arms(design):
    draft = example()
    tick(draft, "ema", True)
    set_design(draft, design)
    plan = plan_of(draft)
    bare = {key: plan[key] for key in ("name", "setup", "arms", "seeds", "metric")}
    assert decode(bare)["design"] == design
    assert arms_of(decode(bare)) == plan["arms"]
    renamed = [arm | {"name": f"arm {i}"} for i, arm in enumerate(plan["arms"])]
    assert decode(bare | {"arms": renamed})["design"] == "free", "its names are a person's own"


def test_a_fraction_is_recognized_though_its_arms_are_in_another_order():
    draft = example()
    for trick in ("ema", "sam", "mish"):
        tick(draft, trick, True)
    set_design(draft, "every")
    assert len(arms_of(draft)) == 64
    set_fraction(draft, True)
    bare = {key: value for key, value in plan_of(draft).items() if key in ("setup", "arms")}
    found = decode(bare)
    assert (found["design"], found["fraction"]) == ("every", True)
    assert list(found["ticked"]) == list(draft["ticked"])


def test_nine_tricks_are_not_combined_and_not_forgotten():
    draft = example()
    for trick in TRICKS:
        tick(draft, trick, True)
    set_design(draft, "every")
    assert [arm["name"] for arm in arms_of(draft)] == ["baseline"]
    assert len(decode(plan_of(draft))["ticked"]) == 9


def test_a_sweep_follows_what_is_ticked():
    draft = example()
    set_design(draft, "sweep")
    assert (draft["sweep"]["trick"], draft["sweep"]["knob"]) == ("mixup", "alpha")
    set_values(draft, [0.4, 0.1])
    assert [arm["name"] for arm in arms_of(draft)] == ["baseline", "mixup α 0.1", "mixup α 0.4"]
    set_knob(draft, "mixup", "alpha", 3.0)
    assert draft["sweep"]["values"] == [0.1, 0.4] and kept(draft)
    tick(draft, "mixup", False)
    assert draft["sweep"]["trick"] == "dropout" and kept(draft)
    set_swept(draft, (None, "lr_scale"))
    assert arms_of(draft)[1]["lr_scale"] == 0.1 and kept(draft)
    set_design(draft, "alone")
    assert draft["sweep"]["trick"] is None and kept(draft), "it is remembered"


def test_free_arms_are_moved_copied_scaled_and_removed():
    draft = example()
    set_design(draft, "free")
    move_arm(draft, 2, 0)
    assert [arm["name"] for arm in arms_of(draft)][:2] == ["dropout", "baseline"]
    set_arm_scale(draft, 1, 0.5)
    copy_arm(draft, 1)
    assert arms_of(draft)[2] == {"name": "baseline 2", "tricks": [], "lr_scale": 0.5}
    assert kept(draft)
    set_arm_scale(draft, 2, 1.0)
    assert "lr_scale" not in arms_of(draft)[2]
    remove_arm(draft, 0)
    assert arms_of(draft)[0]["name"] == "baseline", "the next arm is the baseline"
    for _ in range(9):
        remove_arm(draft, 0)
    assert len(arms_of(draft)) == 1 and kept(draft)


def test_tuning_begins_from_the_common_rate():
    draft = example()
    set_design(draft, "free")
    set_arm_scale(draft, 1, 0.5)
    set_tune(draft, True)
    assert not any("lr_scale" in arm for arm in arms_of(draft))
    data = plan_of(example()) | {"tune": {"scales": [0.5, 1.0], "seeds": 1}}
    data["arms"][1]["lr_scale"] = 2.0  # as it is stored when its rate was found
    del data["design"]
    found = decode(data)
    assert found["design"] == "alone" and "lr_scale" not in arms_of(found)[1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"design": "latin square"}, 'design = "latin square": a design is'),
        ({"design": ["every"]}, "a design is"),
        ({"fraction": "yes"}, 'fraction = "yes": is true or false'),
        ({"tricks": [{"id": "magic"}]}, "tricks[0].id"),
        ({"tricks": 3}, "tricks = 3: must be a list"),
        ({"sweep": {"trick": "sam", "knob": "rho", "values": [1]}}, "sweep.trick"),
        ({"tune": {"scales": [1]}}, "tune.scales"),
        ({"tune": {"scales": [1, 1.0]}}, "tune.scales[1] = 1.0: every scale"),
        ({"tune": {"scales": [1, 2], "seeds": 100}, "arms": [{"name": str(i)} for i in range(99)]},
         "19,800 runs: at most 10,000 may be tried"),
        ({"margin": -1}, "margin = -1: must be at least 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_plan_is_named_by_place(given, said):
    with pytest.raises(ExperimentError) as error:
        decode(given)
    assert said in str(error.value)


WHOLE = {
    "name": "x",
    "setup": {"epochs": 1},
    "arms": [{"name": "baseline"}],
    "seeds": [0],
}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this is not JSON"),
        ("{", "this is not JSON"),
        (b"\xff\xfe\x00{", "this is not JSON"),
        ("[1]", "a JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
        (json.dumps(WHOLE).replace('"epochs": 1', '"lr": NaN'), "numbers must be finite"),
        (json.dumps(WHOLE).replace("[0]", "[0, 1e999]"), "seeds[1]"),
        (json.dumps(WHOLE | {"arms": [{"name": f"{i}"} for i in range(300)]}), "arms: at most 256"),
        (json.dumps(WHOLE | {"seeds": list(range(20_000))}), "seeds: at most 10,000"),
        (json.dumps(WHOLE | {"name": "a" * 3_000_000}), "name"),
        (json.dumps(WHOLE | {"arms": [{"name": "a", "tricks": [{"id": "mixup",
                                                             "knobs": {"alpha": 99}}]}]}),
         "arms[0].tricks[0].knobs.alpha = 99"),
        (json.dumps(WHOLE | {"who": 1}), "who = 1: there is no such key"),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded_is_explained(text, said):
    with pytest.raises(ExperimentError) as error:
        read(text)
    assert said in str(error.value)
    assert len(str(error.value)) < 2000


def test_a_byte_order_mark_is_no_obstacle():
    assert read(json.dumps(WHOLE).encode("utf-8-sig"))["name"] == "x"


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
    tuned = Cost(runs=72, new=72, under_way=0, seconds=180.0, tuning=40)
    assert bar_text(experiment, tuned, "ready", 2).startswith(
        "**72 runs** = 4 arms × 8 seeds + 40 to tune the rates, about"
    )
    long = says(32, seconds=15_600.0)
    assert long.startswith("About **2 h 10 min** on 2 workers: **32 runs** = "), long


def test_an_experiment_is_loaded_from_what_the_command_line_prints():
    whole = {k: v for k, v in plan_of(example()).items() if k != "design"} | {"id": "3f9a11c2"}
    assert read(json.dumps({"experiment": whole, "arms": []})) == example()
    with pytest.raises(ExperimentError, match="seeds: is missing"):
        read(json.dumps({k: v for k, v in whole.items() if k != "seeds"}))
