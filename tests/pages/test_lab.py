"""The lab while planning: the draft, the address, the conflicts, and what Launch stores."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts.cost import Cost, bar_text
from pages.parts.draft import decode, plan_of
from pages.parts.examples import EMPTY, EXAMPLES, FIRST, example
from pages.parts.transfer import read
from trainer import supervisor
from trainer.experiment import Experiment, ExperimentError, pack, parse, unpack
from trainer.store import Store
from tricks import catalog

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"


@pytest.fixture
def lab(home, monkeypatch):
    """Opens the lab at an address; no worker is started."""
    st.cache_resource.clear()
    monkeypatch.setattr(supervisor, "ensure_worker", lambda home: None)

    def open_at(**params: str) -> AppTest:
        page = AppTest.from_file(str(FRAME), default_timeout=60)
        for name, value in params.items():
            page.query_params[name] = value
        page.run()
        assert not page.exception, page.exception[0].message
        return page

    yield open_at
    st.cache_resource.clear()


def text(page: AppTest) -> str:
    """Everything in words on the page."""
    parts = [*page.title, *page.markdown, *page.caption]
    messages = [*page.error, *page.warning]
    said = [one.value for one in parts] + [f"{one.proto.title} {one.value}" for one in messages]
    html = [one.proto.body for one in page.get("html")]
    return "\n".join(said + html)


def bar(page: AppTest) -> str:
    said = [one.value for one in page.markdown]
    return next(one for one in said if " run" in one or "to launch" in one)


def plan(page: AppTest) -> dict:
    value = page.query_params["plan"]
    return unpack(value[0] if isinstance(value, list) else value)


def tick(page: AppTest, *tricks: str) -> AppTest:
    for one in tricks:
        page.checkbox(key=f"tick_{one}").check().run()
    return page


def test_first_visit_shows_an_example_ready_to_launch(lab):
    page = lab()
    assert page.title[0].value.startswith("Which trick survives wrong labels")
    assert "400 handwritten digits" in text(page)
    assert "30 % of the labels wrong" in text(page)
    assert "**32 runs**" in bar(page)
    assert not page.button(key="launch").disabled
    ticked = [one.key for one in page.checkbox if one.value]
    assert sorted(ticked) == ["tick_dropout", "tick_label_smoothing", "tick_mixup"]
    assert "plan" not in page.query_params


def test_every_trick_can_be_ticked_and_found(lab):
    page = lab()
    assert {one.key for one in page.checkbox} == {f"tick_{one}" for one in catalog()}
    page.text_input(key="search").set_value("标签").run()
    assert page.checkbox(key="tick_label_smoothing")
    assert len(page.checkbox) < len(catalog())
    page.text_input(key="search").set_value("swsh").run()
    assert "Did you mean Swish (SiLU)?" in text(page)
    assert "<b>mixup</b>" in text(page), "what is ticked but filtered out stays ticked"


def test_the_address_carries_what_differs_from_the_example(lab):
    page = tick(lab(), "one_cycle")
    page.number_input(key="label_noise").set_value(12.5).run()
    page.selectbox(key="design").set_value("together").run()
    carried = plan(page)
    assert carried["design"] == "together"
    assert carried["setup"]["label_noise"] == 0.125
    assert [one["id"] for one in carried["arms"][1]["tricks"]][-1] == "one_cycle"

    again = lab(plan=pack(carried))
    assert plan(again) == carried
    assert again.checkbox(key="tick_one_cycle").value
    assert again.selectbox(key="design").value == "together"

    again.selectbox(key="start_from").set_value(FIRST).run()
    assert "plan" not in again.query_params


def test_the_body_of_a_popover_is_built_when_it_opens(lab):
    page = lab()
    assert not page.get("latex") and not page.slider
    page.session_state["open_mixup"] = True
    page.run()
    assert catalog()["mixup"].card.watch_out in text(page)
    assert page.slider(key="knob_mixup_alpha").value == 1.0


def test_a_knob_of_an_unticked_trick_ticks_it(lab):
    page = lab()
    page.session_state["open_focal_loss"] = True
    page.run()
    page.slider(key="knob_focal_loss_gamma").set_value(3.0).run()
    assert page.checkbox(key="tick_focal_loss").value
    arm = plan(page)["arms"][-1]
    assert arm == {
        "name": "focal loss",
        "tricks": [{"id": "focal_loss", "knobs": {"gamma": 3.0}}],
    }
    page.checkbox(key="tick_focal_loss").uncheck().run()
    page.checkbox(key="tick_focal_loss").check().run()
    assert plan(page)["arms"][-1] == arm, "its knob is remembered"


def test_a_conflict_names_both_and_offers_every_way_out(lab):
    page = tick(lab(), "cyclic_cosine", "one_cycle")
    assert not page.error, "alone in their arms they do not meet"
    page.selectbox(key="design").set_value("together").run()
    title = page.error[0].proto.title
    assert "Cyclic cosine" in title and "One cycle" in title
    assert "one conflict to settle, two tricks marked" in bar(page)
    assert page.button(key="launch").disabled
    assert ":red[" in page.checkbox(key="tick_one_cycle").label
    labels = [one.label for one in page.button]
    assert {"Keep Cyclic cosine", "Keep One cycle", "Each trick alone"} <= set(labels)

    page.button(key="keep_0_one_cycle").click().run()
    assert not page.error
    assert page.checkbox(key="tick_one_cycle").value
    assert not page.checkbox(key="tick_cyclic_cosine").value


def test_free_arms_are_added_edited_and_removed(lab):
    page = lab()
    page.selectbox(key="design").set_value("free").run()
    page.button(key="add_arm").click().run()
    assert [arm["name"] for arm in plan(page)["arms"]][-1] == "arm 4"
    page.session_state["edit_arm_4"] = True
    page.run()
    page.text_input(key="arm_name_4").set_value("mixup").run()
    assert plan(page)["arms"][4]["name"] == "mixup 2", "two arms may not have the same name"
    page.multiselect(key="arm_tricks_4").set_value(["dropout", "sam"]).run()
    assert page.checkbox(key="tick_sam").value
    page.slider(key="arm_4_dropout_p").set_value(0.25).run()
    arms = plan(page)["arms"]
    assert arms[4]["tricks"][0] == {"id": "dropout", "knobs": {"p": 0.25}}
    assert arms[2]["tricks"][0]["knobs"]["p"] == 0.5, "the other arm keeps its own"
    page.button(key="copy_arm_4").click().run()
    page.button(key="remove_arm_4").click().run()
    assert [arm["name"] for arm in plan(page)["arms"]] == [
        "baseline", "mixup", "dropout", "label smoothing", "mixup 2 2",
    ]  # fmt: skip


def test_unticking_in_a_free_design_leaves_no_empty_arm(lab):
    page = lab()
    page.selectbox(key="design").set_value("free").run()
    page.checkbox(key="tick_mixup").uncheck().run()
    assert [arm["name"] for arm in plan(page)["arms"]] == [
        "baseline", "dropout", "label smoothing",
    ]  # fmt: skip


def test_the_bar_says_what_a_launch_can_claim(lab):
    page = lab()
    page.number_input(key="seeds").set_value(3).run()
    assert "12 runs" in bar(page)
    assert "You will see curves but no verdict: 3 tricks need 7 seeds." in bar(page)
    page.selectbox(key="start_from").set_value(EMPTY).run()
    assert "of the baseline alone" in bar(page) and "Tick a trick" in bar(page)


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


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"setup": {"label_noise": 4}}, "setup.label_noise = 4"),
        ({"design": "latin square"}, "a design is"),
        ({"arms": [{"name": "a", "tricks": [{"id": "magic"}]}]}, "there is no such trick"),
        ([1, 2], "a plan is a JSON object"),
    ],
)
def test_a_malformed_plan_is_explained_and_changes_nothing(lab, data, said):
    page = lab(plan=pack(data))
    shown = page.error[0].value.replace("\\", "")
    assert said in shown and "Nothing was changed." in shown
    page.button(key="start_example").click().run()
    assert not page.error
    assert page.title[0].value.startswith("Which trick survives")


def test_a_link_that_was_cut_off_is_explained(lab):
    page = lab(plan=pack(plan_of(example()))[:40])
    assert "not whole" in page.error[0].value
    assert [one.label for one in page.button if one.key == "edit_plan"] == []


def test_launch_stores_the_experiment_and_turns_to_watching(lab, home):
    page = tick(lab(), "one_cycle")
    page.button(key="launch").click().run()
    id = page.query_params["experiment"]
    row = Store(home).experiment(id[0] if isinstance(id, list) else id)
    assert row is not None
    assert [arm.name for arm in row.experiment.arms] == [
        "baseline", "mixup", "dropout", "label smoothing", "one cycle",
    ]  # fmt: skip
    assert len(Store(home).runs(row.id)) == 40
    assert "plan" not in page.query_params


def test_what_waits_already_is_not_launched_twice(lab, home):
    page = lab()
    page.button(key="launch").click().run()
    again = lab()
    assert "are launched already" in bar(again)
    again.button(key="launch").click().run()
    assert len(Store(home).experiments()) == 1


def test_schedules_are_drawn_before_they_run(lab):
    page = lab()
    assert not page.get("plotly_chart")
    assert "The same in all 4 arms: constant 0.1." in text(page)
    tick(page, "one_cycle")
    lines = json.loads(page.get("plotly_chart")[0].proto.spec)["data"]
    assert [one["name"] for one in lines] == [
        "baseline, mixup, dropout and label smoothing", "one cycle",
    ]  # fmt: skip


def test_the_planning_page_imports_no_torch():
    import subprocess

    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "from trainer import supervisor\n"
        "supervisor.ensure_worker = lambda home: None\n"
        f"page = AppTest.from_file({str(FRAME)!r}, default_timeout=60).run()\n"
        "assert not page.exception, page.exception\n"
        "heavy = {'torch', 'torchvision', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=FRAME.parents[1], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


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
