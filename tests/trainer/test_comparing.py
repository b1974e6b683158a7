"""Runs of any experiments side by side: groups, what is unfair, verdicts, settings."""

from __future__ import annotations

import math

import pytest

from trainer import comparing, differences, sidebyside, statistics
from trainer.experiment import parse
from trainer.groupnames import key_words
from trainer.rows import ExperimentRow, RunRow
from trainer.setup import Setup

GAIN = {"baseline": 0.0, "dropout": 0.05, "mixup": -0.05}


def launched(
    id="e1", arms=("baseline", "dropout"), seeds=range(8), name=None, metric=None, **setup
):
    """An experiment with its runs, all done; each seed has its own level, each arm its gain."""
    knobs = setup.pop("knobs", {})
    states = setup.pop("states", {})
    experiment = parse(
        {
            "name": name or f"Experiment {id}",
            "setup": {"train_size": 400, "epochs": 10} | setup,
            "arms": [
                {
                    "name": arm,
                    "tricks": []
                    if arm == "baseline"
                    else [{"id": arm.split()[0], "knobs": knobs.get(arm, {})}],
                }
                for arm in arms
            ],
            "seeds": list(seeds),
            **({"metric": metric} if metric else {}),
        }
    )
    row = ExperimentRow(id=id, name=experiment.name, experiment=experiment, created_at=0.0)
    runs = [
        trained(experiment, i, seed, states.get((arm.name, seed), "done"))
        for i, arm in enumerate(experiment.arms)
        for seed in experiment.seeds
    ]
    return row, runs


def trained(experiment, arm, seed, state):
    name = experiment.arms[arm].name
    value = 0.7 + 0.01 * (seed % 5) + GAIN.get(name, 0.0) + 0.001 * (arm * seed % 3)
    return RunRow(
        id=experiment.run_id(experiment.arms[arm], seed), arm=arm, arm_name=name, seed=seed,
        state=state, desired="run", attempt=1, step=120, steps=120, saved_step=None,
        seconds=2.0 + arm,
        metrics={"test_accuracy": value, "test_loss": 1 - value} if state == "done" else {},
        error_kind=None, error_text=None, message=None, device="cpu", created_at=0.0,
        started_at=1.0, ended_at=2.0,
    )  # fmt: skip


def groups_of(*found, keys=None):
    entries = comparing.entries(found)
    return comparing.grouped(entries, keys or comparing.usual_keys(entries))


def labels(groups):
    return [one.label for one in groups]


def beside(groups, base=0, **more):
    return sidebyside.judged(groups, groups[base], metric="test_accuracy", **more)


# Groups.


def test_a_run_that_two_experiments_share_counts_once():
    entries = comparing.entries([launched("a"), launched("b", arms=("baseline", "mixup"))])
    assert len(entries) == 24
    shared = [one for one in entries if len(one.homes) == 2]
    assert {one.recipe.name for one in shared} == {"baseline"}
    assert [row.id for row in shared[0].homes] == ["a", "b"]


def test_equal_arms_of_different_experiments_are_one_group():
    groups = groups_of(
        launched("a", seeds=range(4)), launched("b", arms=("baseline", "mixup"), seeds=range(8))
    )
    assert labels(groups) == ["baseline", "dropout", "mixup"]
    assert [len(one.entries) for one in groups] == [8, 4, 8]


def test_arms_of_one_name_but_other_content_are_two_groups():
    other = launched("b", knobs={"dropout": {"p": 0.2}})
    assert labels(groups_of(launched("a"), other)) == [
        "baseline", "dropout (dropout p 0.5)", "dropout (dropout p 0.2)",
    ]  # fmt: skip


def test_runs_of_different_setups_are_never_averaged_by_default():
    groups = groups_of(launched("a"), launched("b", train_size=1000))
    assert labels(groups) == [
        "baseline, 400 examples", "dropout, 400 examples",
        "baseline, 1,000 examples", "dropout, 1,000 examples",
    ]  # fmt: skip
    assert not any(one.mixed for one in groups)


def test_grouping_by_a_knob_puts_the_numbers_in_order_and_those_without_it_first():
    arms = ("dropout 7", "dropout 3", "baseline")
    knobs = {"dropout 7": {"p": 0.7}, "dropout 3": {"p": 0.3}}
    groups = groups_of(launched(arms=arms, knobs=knobs), keys=["dropout.p"])
    assert labels(groups) == ["no dropout", "dropout p 0.3", "dropout p 0.7"]


def test_grouping_by_several_keys_and_by_a_trick():
    found = [launched("a"), launched("b", lr=0.01)]
    assert labels(groups_of(*found, keys=["dropout", "lr"])) == [
        "no dropout, rate 0.01", "no dropout, rate 0.1",
        "dropout, rate 0.01", "dropout, rate 0.1",
    ]  # fmt: skip


def test_grouped_by_experiment_a_shared_run_stands_in_both():
    groups = groups_of(
        launched("a", arms=("baseline",)),
        launched("b", arms=("baseline",), seeds=range(10)),
        keys=["experiment"],
    )
    assert labels(groups) == ["Experiment a", "Experiment b"]
    assert [len(one.entries) for one in groups] == [8, 10]


def test_the_key_of_a_group_stays_whatever_stands_beside_it():
    alone = groups_of(launched("a"))
    more = groups_of(launched("b", arms=("mixup", "baseline")), launched("a"))
    assert {one.key for one in alone} < {one.key for one in more}


def test_one_can_group_by_what_varies_first():
    entries = comparing.entries([launched("a"), launched("b", lr=0.01)])
    keys = comparing.keys_of(entries)
    assert keys[:3] == ["arm", "experiment", "all"]
    assert set(keys[3:6]) == {"lr", "dropout.p", "dropout"}
    assert {"network.depth", "train_size"} < set(keys)
    assert [key_words(key) for key in ("all", "lr", "dropout.p", "dropout")] == [
        "All but the seed", "Learning rate", "dropout p", "with or without dropout",
    ]  # fmt: skip


def test_a_trick_that_is_gone_keeps_its_name_and_knobs(monkeypatch):
    row, runs = launched("a")
    gone = row.experiment.arms[1].tricks[0].model_copy(update={"id": "lost", "knobs": {"q": 2}})
    arm = row.experiment.arms[1].model_copy(update={"tricks": (gone,)})
    experiment = row.experiment.model_copy(update={"arms": (row.experiment.arms[0], arm)})
    row = ExperimentRow(id="a", name="a", experiment=experiment, created_at=0.0)
    entries = comparing.entries([(row, runs)])
    assert labels(comparing.grouped(entries, ["lost.q"])) == ["no lost", "lost q 2"]
    assert entries[-1].current is None


# Numbers of a group.


def test_a_summary_has_mean_interval_deviation_range_and_seconds():
    _, dropout = groups_of(launched())
    values = [one.run.metrics["test_accuracy"] for one in dropout.entries]
    found = dropout.summary("test_accuracy")
    known = statistics.arm_interval(dict(enumerate(values)))
    assert (found.n, found.mean) == (8, known.mean)
    assert found.half == pytest.approx(known.high - known.mean)
    assert found.sd == pytest.approx(found.half * math.sqrt(8) / 2.3646, rel=1e-3)
    assert (found.low, found.high, found.seconds) == (min(values), max(values), 3.0)


def test_only_finished_runs_count():
    states = {("dropout", 0): "running", ("dropout", 1): "diverged", ("dropout", 2): "waiting"}
    base, dropout = groups_of(launched(states=states))
    assert dropout.summary("test_accuracy").n == 5
    assert dropout.active and not base.active
    assert sorted(dropout.finals("test_accuracy")) == [3, 4, 5, 6, 7]


def test_a_mixed_group_has_no_interval_and_says_what_it_mixes():
    [group] = groups_of(launched("a"), launched("b", lr=0.01), keys=["dataset"])
    assert group.summary("test_accuracy").half is None
    assert [one.text for one in group.mixed] == [
        "digits mixes 2 arms", "digits mixes learning rate 0.1 and 0.01",
    ]  # fmt: skip


# What is unfair.


SETUP = Setup.model_validate({"train_size": 400, "epochs": 10})


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        ({"train_size": 1000}, "data", "400 against 1,000 training examples"),
        ({"label_noise": 0.3}, "data", "0 % against 30 % wrong labels"),
        ({"imbalance": 10.0}, "data", "classes 1 to 1 against 10 to 1"),
        ({"input_noise": 0.5}, "test", "input noise of deviation 0 against 0.5"),
        ({"preprocessing": "raw"}, "setup", "inputs prepared by standardize against raw"),
        ({"lr": 0.01}, "setup", "rates of 0.1 against 0.01"),
        ({"epochs": 20}, "budget", "10 against 20 epochs"),
        ({"epochs": None, "steps": 300}, "budget", "10 epochs against 300 steps"),
        (
            {"batch_size": 64},
            "setup",
            "batches of 32 against 64, so 120 against 60 steps",
        ),
        ({"network": {"kind": "mlp", "depth": 5}}, "setup", "networks of depth 3 against 5"),
    ],
)
def test_a_difference_is_named_and_refuses_the_verdict(change, kind, text):
    other = Setup.model_validate(SETUP.model_dump() | change)
    [found] = differences.unfair(SETUP, other)
    assert (found.kind, found.text, found.grave) == (kind, text, True)


def test_equal_setups_are_fair_and_another_device_only_spoils_the_seconds():
    assert differences.unfair(SETUP, SETUP) == []
    [found] = differences.unfair(SETUP, SETUP.model_copy(update={"device": "cuda"}))
    assert (found.kind, found.grave) == ("seconds", False)


def test_what_is_the_question_is_fair_but_other_test_images_never_are():
    change = {"lr": 0.01, "epochs": 20, "train_size": 1000}
    other = Setup.model_validate(SETUP.model_dump() | change)
    found = differences.unfair(SETUP, other, ["lr", "epochs", "train_size"])
    assert [one.kind for one in found] == ["data", "budget", "setup"]
    assert all(one.by_design and not one.grave for one in found)
    shapes = Setup.model_validate({"dataset": "shapes", "train_size": 400, "epochs": 10})
    [found] = differences.unfair(SETUP, shapes, ["dataset", "difficulty"])
    assert (found.text, found.grave) == ("digits against shapes", True)


def test_at_equal_epochs_another_batch_is_not_told_as_steps_when_the_budget_differs():
    other = Setup.model_validate(SETUP.model_dump() | {"batch_size": 64, "epochs": 20})
    assert [one.text for one in differences.unfair(SETUP, other)] == [
        "10 against 20 epochs", "batches of 32 against 64",
    ]  # fmt: skip


# Side by side.


def test_differences_are_paired_by_seed_and_judged_as_in_one_experiment():
    groups = groups_of(launched("a"), launched("b", arms=("baseline", "mixup")))
    base, dropout, mixup = beside(groups)
    assert base.comparison is None
    known = statistics.compare(
        {one.label: one.finals("test_accuracy") for one in groups},
        baseline="baseline", metric="test_accuracy", images=450,
    )  # fmt: skip
    assert [dropout.comparison, mixup.comparison] == known
    assert [one.verdict for one in known] == ["better", "worse"]


def test_more_training_data_is_refused_and_does_not_count_for_holm():
    groups = groups_of(launched("a"), launched("b", train_size=1000))
    found = beside(groups)
    assert [bool(one.comparison) for one in found] == [False, True, False, False]
    assert [item.text for item in found[2].refused] == ["400 against 1,000 training examples"]
    alone = beside(groups_of(launched("a")))
    assert found[1].comparison.p == alone[1].comparison.p


def test_grouped_by_it_the_training_data_are_the_question():
    keys = ["arm", "train_size"]
    groups = groups_of(launched("a"), launched("b", train_size=1000), keys=keys)
    found = beside(groups, by_design=sidebyside.on_purpose(keys))
    assert all(one.comparison for one in found[1:])
    assert [item.text for item in found[1].by_design] == ["400 against 1,000 training examples"]


def test_a_mixed_group_is_refused():
    groups = groups_of(launched("a"), launched("b", lr=0.01), keys=["arm"])
    found = beside(groups)
    assert {item.text for item in found[1].refused} == {
        "baseline mixes learning rate 0.1 and 0.01",
        "dropout mixes learning rate 0.1 and 0.01",
    }


def test_groups_without_a_common_seed_or_of_the_same_runs_are_refused():
    apart = groups_of(
        launched("a", arms=("baseline",)), launched("b", arms=("dropout",), seeds=range(20, 28))
    )
    assert [item.text for item in beside(apart)[1].refused] == ["no seed in common"]
    same = groups_of(
        launched("a", arms=("baseline",)), launched("b", arms=("baseline",)), keys=["experiment"]
    )
    assert [item.text for item in beside(same)[1].refused] == ["the very same runs"]


def test_runs_of_another_engine_are_refused():
    first, (row, runs) = launched("a"), launched("b", arms=("mixup",))
    old = [(RunRow(**{**vars(run), "id": f"old {run.seed}"})) for run in runs]
    [base, _, mixup] = groups_of(first, (row, old))
    found = sidebyside.between_groups(base, mixup)
    assert [item.kind for item in found] == ["engine"]


def test_other_devices_are_told_but_do_not_refuse():
    first, (row, runs) = launched("a"), launched("b", arms=("mixup",))
    moved = [(RunRow(**{**vars(run), "device": "cuda"})) for run in runs]
    [base, _, mixup] = groups_of(first, (row, moved))
    [found] = sidebyside.between_groups(base, mixup)
    assert found.text == "trained on cpu against cuda: seconds say nothing"
    assert not found.grave


def test_experiments_judged_by_different_metrics_need_a_choice():
    groups = groups_of(launched("a"), launched("b", arms=("mixup",), metric="test_loss"))
    assert sidebyside.metric_of(groups) == "test_accuracy"
    [found] = beside(groups)[2].refused
    assert found.text == "launched to be judged by test accuracy against test loss"
    chosen = beside(groups, chosen_metric=True)[2]
    assert chosen.comparison is not None and chosen.by_design


def test_a_margin_counts_when_all_agree_on_it():
    (row, runs), other = launched("a"), launched("b", arms=("baseline", "mixup"))
    wide = row.experiment.model_copy(update={"margin": 0.2})
    row = ExperimentRow(id="a", name="a", experiment=wide, created_at=0.0)
    assert beside(groups_of((row, runs)))[1].comparison.margin == 0.2
    assert beside(groups_of((row, runs), other))[1].comparison.margin < 0.05


# In words.


def sentence_of(groups, base=0, **more):
    return sidebyside.sentence(beside(groups, base, **more), groups[base], "test_accuracy")


def test_the_sentence_names_who_is_better_and_worse():
    groups = groups_of(launched("a"), launched("b", arms=("baseline", "mixup")))
    assert sentence_of(groups) == ("**Dropout** is better than **baseline**. **Mixup** is worse.")
    assert sentence_of(groups, 1) == "**Baseline** and **mixup** are worse than **dropout**."


def test_the_sentence_says_too_few_alone_and_not_comparable():
    assert sentence_of(groups_of(launched(seeds=range(3)))) == (
        "**Dropout** has too few shared seeds for a verdict, which needs 6."
    )
    assert sentence_of(groups_of(launched(seeds=[0]))) == (
        "**Dropout** is an anecdote: one shared seed."
    )
    alone = groups_of(launched(arms=("baseline",)))
    assert sentence_of(alone) == "One group of runs: there is nothing to compare it with."
    apart = groups_of(launched("a"), launched("b", lr=0.01), keys=["arm"])
    assert sentence_of(apart) == "Nothing here can be compared with **baseline**."


def test_nothing_is_claimed_while_runs_go_on():
    groups = groups_of(launched(states={("dropout", 7): "running"}))
    assert sentence_of(groups) == (
        "Too early for a verdict: 7 of 8 seeds are complete in every group."
    )


def test_diverged_runs_are_told():
    groups = groups_of(launched(states={("dropout", 7): "diverged"}))
    assert sentence_of(groups).endswith(
        "**Dropout**: 1 diverged run; differences use the seeds both completed."
    )


def test_many_groups_are_counted_instead_of_named():
    arms = tuple(f"dropout {i}" for i in range(6))
    knobs = {arm: {"p": 0.1 * (i + 1)} for i, arm in enumerate(arms)}
    groups = groups_of(launched(arms=("mixup", *arms), knobs=knobs, seeds=range(12)))
    assert sentence_of(groups) == "**6 groups** are better than **mixup**."


def test_settings_that_differ_stand_first():
    rows = sidebyside.configuration(groups_of(launched("a"), launched("b", lr=0.01)))
    assert [(row.title, row.values) for row in rows if row.differs] == [
        ("Learning rate", ("0.1", "0.1", "0.01", "0.01")),
        ("Dropout, p", ("–", "0.5", "–", "0.5")),
    ]
    assert [row.differs for row in rows] == sorted((row.differs for row in rows), reverse=True)
    equal = {row.title: row.values[0] for row in rows if not row.differs}
    assert equal["Training examples"] == "400"
    assert "Steps" not in equal and "Rate times" not in equal


def test_a_scaled_rate_is_a_setting_of_its_arm():
    row, runs = launched("a")
    arm = row.experiment.arms[1].model_copy(update={"lr_scale": 4.0})
    experiment = row.experiment.model_copy(update={"arms": (row.experiment.arms[0], arm)})
    row = ExperimentRow(id="a", name="a", experiment=experiment, created_at=0.0)
    rows = sidebyside.configuration(groups_of((row, runs)))
    assert [row.values for row in rows if row.title == "Rate times"] == [("1", "4")]
