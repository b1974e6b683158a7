"""The planning page: each design with what it needs, tuning, the margin, and what is in the way."""

from __future__ import annotations

import pytest

from pages.parts.cost import Cost
from pages.parts.designer import told_apart
from pages.parts.draft import plan_of, set_design, set_tune
from pages.parts.draft import tick as take
from pages.parts.examples import example
from pages.parts.launch import foretold
from tests.pages.planning import bar, plan, text, tick, widget
from trainer.experiment import pack
from trainer.store import Store


def choose(page, design):
    return widget(page, "selectbox", "design").set_value(design).run()


def names(page):
    return [arm["name"] for arm in plan(page)["arms"]]


def opened(lab, *tricks, design="alone", **more):
    """The lab with these tricks beside the three of the example."""
    draft = example()
    for one in tricks:
        take(draft, one, True)
    set_design(draft, design)
    return lab(plan=pack(plan_of(draft | more)))


def test_every_design_says_its_question_and_its_arms(lab):
    page = lab()
    labels = widget(page, "selectbox", "design").options
    assert labels == [
        "Each trick alone · 4 arms",
        "All together · 2 arms",
        "Leave one out · 4 arms",
        "Every combination · 8 arms",
        "Sweep of one knob · 6 arms",
        "Free",
    ]
    assert "Does each trick help by itself?" in text(page)
    choose(page, "leave_out")
    assert "Which of them would be missed?" in text(page)
    assert names(page)[1] == "without mixup"


def test_a_fraction_is_a_choice_and_names_what_it_mixes_up(lab):
    page = opened(lab, "ema", "sam", "mish", design="every")
    assert len(plan(page)["arms"]) == 64 and "**512 runs**" in bar(page)
    switch = widget(page, "button_group", "fraction")
    assert switch.options == ["all 64 combinations", "a fraction of 16"]
    switch.set_value(True).run()
    assert len(plan(page)["arms"]) == 16 and plan(page)["fraction"] is True
    assert "these pairs share one number" in text(page)
    assert "- mixup × dropout, label smoothing × SAM" in text(page)


def test_a_fraction_of_five_mixes_up_nothing_that_counts():
    assert told_apart(list("ABCDE")).startswith("Resolution V:")
    assert "- A × B, C × E" in told_apart(list("ABCDEF"))
    assert told_apart(["a*b", *"BCDEF"]).count("a\\*b") == 5, "names are shown as typed"


def test_nine_tricks_are_refused_with_ways_out(lab):
    page = opened(lab, "ema", "sam", "mish", "warmup", "flooding", "grad_clip", design="every")
    (error,) = page.error
    assert error.proto.title == "Nine tricks are too many for every combination"
    assert "512 combinations" in error.value
    assert "nine tricks are too many" in bar(page)
    assert page.button(key="launch").disabled
    page.button(key="way_0_0").click().run()
    assert not page.error and "256 arms × 8 seeds" in bar(page)
    assert not page.button(key="launch").disabled


def test_more_runs_than_an_experiment_may_have_are_refused(lab):
    tricks = ("ema", "sam", "mish", "warmup", "flooding")
    page = opened(lab, *tricks, design="alone", seeds=list(range(40)))
    assert not page.error
    choose(page, "every")
    assert page.error[0].proto.title == "10,240 runs are too many"
    page.button(key="way_0_0").click().run()
    assert not page.error and "256 arms × 39 seeds" in bar(page)


def test_a_sweep_of_a_knob(lab):
    page = choose(lab(), "sweep")
    assert widget(page, "selectbox", "swept").options == [
        "Mixup: alpha α", "Dropout: p", "Label smoothing: epsilon ε", "Learning rate of all arms",
    ]  # fmt: skip
    assert "Dropout and label smoothing are in every arm." in text(page)
    values = widget(page, "multiselect", "values_mixup_alpha")
    values.set_value(["0.4", "0,1"]).run()
    assert names(page) == ["baseline", "mixup α 0.1", "mixup α 0.4"]
    assert plan(page)["sweep"] == {"trick": "mixup", "knob": "alpha", "values": [0.1, 0.4]}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("99", "99: alpha goes from 0 to 4."),
        ("much", "“much” is not a number."),
        ("0", "0: at 0 it is the baseline, which is there already."),
        ("nan", "nan: alpha goes from 0 to 4."),
        ("0.40", "0.4 is there already."),
    ],
)
def test_a_value_that_cannot_be_swept_is_refused_and_the_others_stay(lab, typed, said):
    sweep = {"trick": "mixup", "knob": "alpha", "values": [0.1, 0.4]}
    page = opened(lab, design="sweep", sweep=sweep)
    widget(page, "multiselect", "values_mixup_alpha").set_value(["0.1", "0.4", typed]).run()
    assert said in text(page).replace("\\", "")
    assert names(page) == ["baseline", "mixup α 0.1", "mixup α 0.4"]
    widget(page, "multiselect", "values_mixup_alpha").set_value([]).run()
    assert "at least 1 value" in text(page)
    assert len(names(page)) == 3
    widget(page, "multiselect", "values_mixup_alpha").set_value(["0.2"]).run()
    assert names(page) == ["baseline", "mixup α 0.2"]
    assert "at least 1 value" not in text(page)


def test_a_sweep_of_the_learning_rate(lab):
    page = choose(lab(), "sweep")
    widget(page, "selectbox", "swept").set_value((None, "lr_scale")).run()
    assert names(page)[1:] == ["rate × 0.1", "rate × 0.3", "rate × 3", "rate × 10"]
    assert "rate 0.01" in text(page)
    widget(page, "button_group", "tune").set_value(True).run()
    assert page.error[0].proto.title == "Tuning would undo this sweep"
    page.button(key="way_0_0").click().run()
    assert not page.error and "tune" not in plan(page)


def test_free_arms_change_places_and_rates(lab):
    page = choose(lab(), "free")
    page.session_state["edit_arm_2"] = True
    page.run()
    widget(page, "number_input", "arm_scale_2").set_value(0.5).run()
    assert plan(page)["arms"][2]["lr_scale"] == 0.5
    assert "p 0.5, rate 0.05" in text(page)
    page.button(key="up_arm_2").click().run()
    assert names(page)[:3] == ["baseline", "dropout", "mixup"]
    page.button(key="base_arm_1").click().run()
    assert names(page)[:2] == ["dropout", "baseline"]
    page.button(key="down_arm_0").click().run()
    assert names(page)[:2] == ["baseline", "dropout"]


def test_tuning_is_priced_and_told(lab):
    page = lab()
    widget(page, "button_group", "tune").set_value(True).run()
    assert plan(page)["tune"] == {"scales": [0.25, 0.5, 1.0, 2.0, 4.0], "seeds": 2}
    assert "**72 runs** = 4 arms × 8 seeds + 40 to tune the rates" in bar(page)
    assert "Each finds its own learning rate first." in text(page)
    assert "first tries 0.25 to 4 times its rate" in text(page)
    widget(page, "multiselect", "tune_scales").set_value(["0.3", "1", "3"]).run()
    widget(page, "number_input", "tune_seeds").set_value(1).run()
    assert "+ 12 to tune the rates" in bar(page)
    widget(page, "multiselect", "tune_scales").set_value(["1"]).run()
    assert "at least 2 values" in text(page)
    assert plan(page)["tune"]["scales"] == [0.3, 1.0, 3.0]
    widget(page, "button_group", "tune").set_value(False).run()
    assert "**32 runs**" in bar(page) and "plan" not in page.query_params


def test_a_rate_that_may_favor_an_arm_is_told_with_a_way_to_fairness(lab):
    page = lab()
    assert "One rate" not in text(page), "these three tricks stand the same rates"
    tick(page, "batch_norm")
    assert "**One rate, 0.1, for all arms.**" in text(page)
    assert "Batch norm stands larger rates" in text(page)
    assert "Tune per arm to be fair: 50 more runs" in text(page)
    page.button(key="tune_now").click().run()
    assert "One rate" not in text(page) and "+ 50 to tune the rates" in bar(page)


def test_what_counts_as_a_difference(lab):
    page = lab()
    assert "about 1.9 points at an accuracy of 80 %" in text(page)
    widget(page, "number_input", "margin").set_value(1.0).run()
    assert plan(page)["margin"] == 0.01
    widget(page, "button_group", "metric").set_value("test_loss").run()
    assert plan(page)["metric"] == "test_loss"
    assert "margin" not in plan(page), "points mean nothing for a loss"
    widget(page, "number_input", "margin").set_value(0.05).run()
    assert plan(page)["margin"] == 0.05


def test_launch_foretells_how_long_it_takes(lab, home):
    timed = {"setup": example()["setup"] | {"epochs": None, "seconds": 10.0}}
    timed["setup"].pop("epochs")
    page = opened(lab, **timed)
    assert "about" in bar(page)
    page.button(key="launch").click().run()
    (row,) = Store(home).experiments()
    assert row.estimate is not None and row.estimate > 32 * 10 / 64


def test_a_tuned_experiment_is_not_launched_twice(lab, home):
    draft = example()
    set_tune(draft, True)
    link = pack(plan_of(draft))
    page = lab(plan=link)
    page.button(key="launch").click().run()
    store = Store(home)
    (row,) = store.experiments()
    assert row.experiment.tune is not None and len(store.trials(row.id)) == 40
    again = lab(plan=link)
    assert "are launched already" in bar(again)
    again.button(key="launch").click().run()
    assert len(store.experiments()) == 1


def test_an_estimate_is_stored_only_where_one_was_made():
    cost = Cost(runs=5, new=5, under_way=0, seconds=50.0)
    assert foretold(cost, 2) == 30.0, "three rounds of ten seconds"
    assert foretold(Cost(runs=5, new=0, under_way=0, seconds=0.0), 2) is None
    assert foretold(Cost(runs=5, new=5, under_way=0, seconds=None), 2) is None
