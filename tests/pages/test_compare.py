"""The comparing page: the address, groups, what is refused and why, the tables, the download."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from pages.parts import compare_runs, compare_scene
from pages.parts.compare_address import Wish
from tests.pages.bench import Bench, plan
from tests.trainer.export.bench import MADE

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest


def trained(bench: Bench, experiment) -> str:
    id = bench.launch(experiment)
    bench.train_all()
    return id


def opened(at: AppTest, *ids: str, **more: str) -> AppTest:
    at.query_params["experiments"] = ",".join(ids)
    for name, value in more.items():
        at.query_params[name] = value
    at.switch_page("compare.py").run()
    assert not at.exception
    return at


def texts(at: AppTest) -> str:
    return "\n".join(str(one.value) for kind in ("title", "header", "markdown", "caption")
                     for one in at.get(kind))  # fmt: skip


def component(at: AppTest, part: str) -> dict:
    """What a component of the page was given: that which has ``part`` in it."""
    return next(one for one in given(at) if part in one)


def given(at: AppTest) -> list[dict]:
    """What all components were given, as JSON or as its bytes."""
    protos = [one.proto for one in at.get("bidi_component")]
    return [json.loads(getattr(one, one.WhichOneof("data"))) for one in protos]


def tables(at: AppTest) -> list[str]:
    return [one["html"] for one in given(at) if "html" in one]


def address(at: AppTest, name: str) -> str:
    value = at.query_params.get(name, "")
    return value if isinstance(value, str) else value[0]


# Which experiments.


def test_before_the_first_launch_it_leads_to_the_lab(app):
    app.switch_page("compare.py").run()
    assert "Nothing has been launched here yet." in texts(app)
    assert next(one.label for one in app.button) == "Open the lab"


def test_without_a_choice_it_asks_for_one_and_offers_the_newest(app, bench):
    first = bench.launch(plan(seeds=1))
    second = bench.launch(plan(seeds=1, name="Second", steps=50))
    app.switch_page("compare.py").run()
    assert "Choose experiments above" in texts(app)
    app.button(key="newest").click().run()
    assert not app.exception
    assert address(app, "experiments") == "latest"
    assert "Choose experiments above" not in texts(app)
    assert [label.split(" · ")[0] for label in app.multiselect(key="compare_experiments").options][
        :2
    ] == ["Second", "Which *one* wins?"]
    assert first != second


def test_a_deleted_experiment_is_named_and_can_be_left_out(app, bench):
    id = trained(bench, plan(seeds=6))
    at = opened(app, id, "3f9a")
    assert "There is no experiment `3f9a` in this store." in texts(at)
    assert len(tables(at)) == 2
    at.button(key="leave_out").click().run()
    assert address(at, "experiments") == id
    assert "There is no experiment" not in texts(at)


def test_only_deleted_experiments_leave_the_choice(app, bench):
    bench.launch(plan(seeds=1))
    at = opened(app, "3f9a", "77aa")
    assert "There are no experiments `3f9a` and `77aa` in this store." in texts(at)
    assert "Choose experiments above" in texts(at)


def test_choosing_another_experiment_goes_into_the_address(app, bench):
    first = trained(bench, plan(seeds=6))
    second = trained(bench, plan(("baseline", "mixup"), seeds=6, name="Second"))
    at = opened(app, first)
    at.multiselect(key="compare_experiments").set_value([first, second]).run()
    assert not at.exception
    assert address(at, "experiments") == f"{first},{second}"
    assert "18 runs of 2 experiments." in texts(at)


def test_every_experiment_can_be_asked_for(app, bench):
    trained(bench, plan(seeds=6))
    trained(bench, plan(("baseline", "mixup"), seeds=6, name="Second"))
    assert "18 runs of 2 experiments." in texts(opened(app, "all"))


# Groups and verdicts.


def test_arms_of_two_experiments_are_compared_with_their_shared_baseline(app, bench):
    first = trained(bench, plan(seeds=8))
    second = trained(bench, plan(("baseline", "mixup"), seeds=8, name="Second"))
    at = opened(app, first, second)
    assert "**Dropout** is better than **baseline**." in texts(at)
    assert "8 runs that several experiments share count once." in texts(at)
    groups, settings = tables(at)
    assert "Holm over 2 comparisons" in groups
    assert "not those that were looked at before" in groups
    assert "added" not in groups
    assert groups.count("<tr>") == 5  # head, three groups, axis
    assert "class=differs" in settings
    cards = [arm["name"] for arm in component(at, "arms")["arms"]]
    assert cards == ["baseline", "dropout", "mixup"]


def test_another_group_can_be_the_baseline_and_only_those_two_change_color(app, bench):
    id = trained(bench, plan(("baseline", "dropout", "mixup"), seeds=8))
    at = opened(app, id)
    before = {arm["name"]: arm["slot"] for arm in component(at, "arms")["arms"]}
    keys = at.selectbox(key="compare_base").options
    assert keys == ["baseline", "dropout", "mixup"]
    at.selectbox(key="compare_base").select_index(1).run()
    assert not at.exception
    assert "**Baseline** and **mixup** are worse than **dropout**." in texts(at)
    after = {arm["name"]: arm["slot"] for arm in component(at, "arms")["arms"]}
    assert before == {"baseline": 0, "dropout": 1, "mixup": 2}
    assert after == {"dropout": 0, "baseline": 1, "mixup": 2}


def test_an_unknown_key_is_told_and_left(app, bench):
    at = opened(app, trained(bench, plan(seeds=6)), group="foo,arm")
    assert "No run here has `foo` to group by. Groups are by arm instead." in texts(at)
    at.button(key="as_usual").click().run()
    assert "group by" not in texts(at)
    assert "group" not in at.query_params


def test_runs_that_go_on_give_no_verdict(app, bench):
    id = bench.launch(plan(seeds=6))
    for _ in range(9):
        bench.train(bench.claim())
    at = opened(app, id)
    assert "Too early for a verdict: 4 of 6 seeds are complete in every group." in texts(at)
    assert "too early" in tables(at)[0]
    assert "better" not in tables(at)[0]


def test_seeds_that_were_added_after_looking_are_told(app, bench):
    id = trained(bench, plan(seeds=6))
    bench.store.add_seeds(id, 2)
    bench.train_all()
    at = opened(app, id)
    assert "Seeds were added to 1 experiment after looking" in tables(at)[0]


# What is unfair.


def test_two_that_cannot_be_compared_are_shown_apart_only_when_asked(app, bench):
    first = trained(bench, plan(("baseline",), seeds=6))
    second = trained(bench, plan(("dropout",), seeds=6, train_size=640))
    at = opened(app, first, second)
    said = texts(at)
    assert "**These two cannot be compared:** 320 against 640 training examples." in said
    assert "better" not in said
    assert len(tables(at)) == 1  # the settings alone
    at.button(key="apart").click().run()
    assert not at.exception
    assert address(at, "apart") == "1"
    groups = tables(at)[0]
    assert "not comparable" in groups and "p =" not in groups and "better" not in groups
    assert [arm["name"] for arm in component(at, "arms")["arms"]] == [
        "baseline, 320 examples", "dropout, 640 examples (not comparable)",
    ]  # fmt: skip
    at.button(key="together").click().run()
    assert len(tables(at)) == 1


def test_what_differs_can_be_made_the_question(app, bench):
    first = trained(bench, plan(seeds=8))
    second = trained(bench, plan(seeds=8, lr=0.01, name="Slower"))
    at = opened(app, first, second)
    assert "2 of 3 groups cannot be compared with baseline, rate 0.1:" in texts(at)
    at.button(key="by_lr").click().run()
    assert not at.exception
    assert address(at, "group") == "all,lr"
    assert "cannot be compared" not in texts(at)
    assert "by design: rates of 0.1 against 0.01" in tables(at)[0]


def test_other_test_images_offer_no_way_to_compare(app, bench):
    first = trained(bench, plan(("baseline",), seeds=6))
    second = trained(bench, plan(("dropout",), seeds=6, dataset="shapes"))
    at = opened(app, first, second)
    assert "digits against shapes" in texts(at)
    assert {one.key for one in at.button if one.key} >= {"apart"}
    assert not any((one.key or "").startswith("by_") for one in at.button)


# Filters and tables.


def test_the_filter_for_a_trick_keeps_the_baselines(app, bench):
    id = trained(bench, plan(("baseline", "dropout", "mixup"), seeds=6))
    at = opened(app, id, trick="mixup")
    assert [arm["name"] for arm in component(at, "arms")["arms"]] == ["baseline", "mixup"]


def test_filters_that_leave_nothing_can_be_cleared(app, bench):
    at = opened(app, trained(bench, plan(seeds=6)), data="shapes", text="nothing like it")
    assert "No run of these experiments passes the filters." in texts(at)
    at.button(key="clear_filters").click().run()
    assert not at.exception
    assert "data" not in at.query_params and "text" not in at.query_params
    assert len(at.dataframe) == 1


def test_the_filter_on_states_acts_on_groups_charts_and_table_and_says_what_it_leaves_out(
    app, bench
):
    id = bench.launch(plan(seeds=6))
    for i in range(12):
        bench.train(bench.claim(), **({"state": "diverged", "metrics": {}} if i == 3 else {}))
    at = opened(app, id)
    assert "1 diverged run" in texts(at) and len(at.dataframe[0].value) == 12
    at = opened(app, id, state="done")
    assert "11 runs of 1 experiment, left out by the filter on states: 1 diverged." in texts(at)
    assert set(map(tuple, at.dataframe[0].value["State"])) == {("done",)}
    assert {len(one["dots"]) for one in component(at, "arms")["arms"]} == {5, 6}
    at = opened(app, id, state="diverged")
    rows = at.dataframe[0].value
    assert [list(state) for state in rows["State"]] == [["diverged"]]
    assert [one["name"] for one in component(at, "arms")["arms"]] == [rows["Arm"][0]]
    assert "11 done" in texts(at)
    at = opened(app, id, state="failed")
    assert "passes the filters, which ask for runs that are failed." in texts(at)
    at.button(key="clear_filters").click().run()
    assert "12 runs of 1 experiment." in texts(at)


def test_only_differences_is_in_the_address(app, bench):
    at = opened(app, trained(bench, plan(seeds=6)), only="1")
    assert "Training examples" not in tables(at)[1]
    at.toggle(key="compare_only").set_value(False).run()
    assert "only" not in at.query_params
    assert "Training examples" in tables(at)[1]


def test_versions_and_machines_stand_among_the_settings(app, bench):
    bench.launch(plan(seeds=6))
    while claim := bench.claim():
        other = claim.run.arm.name == "dropout" and claim.run.seed == 5
        made = MADE | ({"processor": "Loom 3"} if other else {})
        bench.train(claim, report={"made_with": made})
    at = opened(app, bench.id)
    groups, settings = tables(at)
    assert "not all trained with the same: Processor Abacus 9 and Loom 3." in groups
    assert "is better" in texts(at)  # a hint, no refusal
    assert "1 of " in settings and "<td>Abacus 9 and Loom 3</td>" in settings
    assert "<td>2.14.1</td>" in settings
    shown = compare_scene.scene_of([bench.look()], Wish())
    rows = list(csv.DictReader(io.StringIO(compare_runs.as_csv(shown, compare_runs.lines(shown)))))
    assert [row["made_with.processor"] for row in rows].count("Loom 3") == 1


def test_old_runs_say_that_nothing_was_recorded(app, bench):
    groups, settings = tables(opened(app, trained(bench, plan(seeds=6))))
    assert "not all trained" not in groups
    assert "Trained with</th><td>not recorded</td>" in settings


def test_names_people_gave_are_never_read_as_html_or_markdown(app, bench):
    experiment = plan(seeds=6)
    arm = experiment.arms[1].model_copy(update={"name": "<b>x</b> **y**"})
    experiment = experiment.model_copy(update={"arms": (experiment.arms[0], arm)})
    at = opened(app, trained(bench, experiment))
    assert "<b>x" not in "".join(tables(at))
    assert r"<b\>x</b\>" in texts(at).replace("\\<", "<")
