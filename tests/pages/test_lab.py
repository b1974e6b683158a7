"""The lab while planning: the draft, the address, the conflicts, and what Launch stores."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pages.parts import transfer
from pages.parts.draft import plan_of
from pages.parts.examples import EMPTY, FIRST, example
from tests.pages.planning import bar, plan, text, tick, unfold, widget
from trainer.experiment import pack
from trainer.store import Store
from tricks import catalog

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"


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
    unfold(page, *{one.family() for one in catalog().values()})
    assert {one.key for one in page.checkbox} == {f"tick_{one}" for one in catalog()}
    widget(page, "text_input", "search").set_value("标签").run()
    assert widget(page, "checkbox", "tick_label_smoothing")
    assert len(page.checkbox) < len(catalog())
    widget(page, "text_input", "search").set_value("swsh").run()
    assert "Did you mean Swish (SiLU)?" in text(page)
    assert "<b>mixup</b>" in text(page), "what is ticked but filtered out stays ticked"


def test_the_address_carries_what_differs_from_the_example(lab):
    page = tick(lab(), "one_cycle")
    widget(page, "number_input", "label_noise").set_value(12.5).run()
    widget(page, "selectbox", "design").set_value("together").run()
    carried = plan(page)
    assert carried["design"] == "together"
    assert carried["setup"]["label_noise"] == 0.125
    assert [one["id"] for one in carried["arms"][1]["tricks"]][-1] == "one_cycle"

    again = lab(plan=pack(carried))
    assert plan(again) == carried
    assert widget(again, "checkbox", "tick_one_cycle").value
    assert widget(again, "selectbox", "design").value == "together"

    widget(again, "selectbox", "start_from").set_value(FIRST).run()
    assert "plan" not in again.query_params


def test_an_address_that_lags_behind_takes_nothing_back(lab):
    """Of two changes in a row, the second comes with the address from before the first."""
    page = tick(lab(), "one_cycle")
    first = page.query_params["plan"]
    tick(page, "sam")
    page.query_params["plan"] = first
    tick(page, "ema")
    assert [arm["name"] for arm in plan(page)["arms"]][-3:] == ["one cycle", "SAM", "EMA"]


def test_going_back_brings_the_plan_back(lab, monkeypatch):
    monkeypatch.setattr(transfer, "LATE", 0.0)
    page = tick(lab(), "one_cycle")
    first = page.query_params["plan"]
    tick(page, "sam")
    page.query_params["plan"] = first
    page.run()
    assert [arm["name"] for arm in plan(page)["arms"]][-1] == "one cycle"
    del page.query_params["plan"]
    page.run()
    assert len([one for one in page.checkbox if one.value]) == 3


def test_the_plan_waits_while_one_looks_at_another_page(lab):
    page = tick(lab(), "one_cycle")
    page.switch_page("catalog.py").run()
    page.switch_page("lab.py").run()
    assert widget(page, "checkbox", "tick_one_cycle").value
    assert [arm["name"] for arm in plan(page)["arms"]][-1] == "one cycle"


def test_the_body_of_a_popover_is_built_when_it_opens(lab):
    page = lab()
    assert not page.get("latex") and not page.slider
    page.session_state["open_mixup"] = True
    page.run()
    assert catalog()["mixup"].card.watch_out in text(page)
    assert widget(page, "slider", "knob_mixup_alpha").value == 1.0


def test_a_knob_of_an_unticked_trick_ticks_it(lab):
    page = lab()
    page.session_state["open_focal_loss"] = True
    page.run()
    widget(page, "slider", "knob_focal_loss_gamma").set_value(3.0).run()
    assert widget(page, "checkbox", "tick_focal_loss").value
    arm = plan(page)["arms"][-1]
    assert arm == {
        "name": "focal loss",
        "tricks": [{"id": "focal_loss", "knobs": {"gamma": 3.0}}],
    }
    widget(page, "checkbox", "tick_focal_loss").uncheck().run()
    widget(page, "checkbox", "tick_focal_loss").check().run()
    assert plan(page)["arms"][-1] == arm, "its knob is remembered"


def test_a_conflict_names_both_and_offers_every_way_out(lab):
    page = tick(lab(), "cyclic_cosine", "one_cycle")
    assert not page.error, "alone in their arms they do not meet"
    widget(page, "selectbox", "design").set_value("together").run()
    title = page.error[0].proto.title
    assert "Cyclic cosine" in title and "One cycle" in title
    assert "one conflict to settle, two tricks marked" in bar(page)
    assert page.button(key="launch").disabled
    assert ":red[" in widget(page, "checkbox", "tick_one_cycle").label
    labels = [one.label for one in page.button]
    assert {"Keep Cyclic cosine", "Keep One cycle", "Each trick alone"} <= set(labels)

    page.button(key="keep_0_one_cycle").click().run()
    assert not page.error
    assert widget(page, "checkbox", "tick_one_cycle").value
    assert not widget(page, "checkbox", "tick_cyclic_cosine").value


def test_free_arms_are_added_edited_and_removed(lab):
    page = lab()
    widget(page, "selectbox", "design").set_value("free").run()
    page.button(key="add_arm").click().run()
    assert [arm["name"] for arm in plan(page)["arms"]][-1] == "arm 4"
    page.session_state["edit_arm_4"] = True
    page.run()
    widget(page, "text_input", "arm_name_4").set_value("mixup").run()
    assert plan(page)["arms"][4]["name"] == "mixup 2", "two arms may not have the same name"
    widget(page, "multiselect", "arm_tricks_4").set_value(["dropout", "sam"]).run()
    assert widget(page, "checkbox", "tick_sam").value
    widget(page, "slider", "arm_4_dropout_p").set_value(0.25).run()
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
    widget(page, "selectbox", "design").set_value("free").run()
    widget(page, "checkbox", "tick_mixup").uncheck().run()
    assert [arm["name"] for arm in plan(page)["arms"]] == [
        "baseline", "dropout", "label smoothing",
    ]  # fmt: skip


def test_the_bar_says_what_a_launch_can_claim(lab):
    page = lab()
    widget(page, "number_input", "seeds").set_value(3).run()
    assert "12 runs" in bar(page)
    assert "You will see curves but no verdict: 3 tricks need 7 seeds." in bar(page)
    widget(page, "selectbox", "start_from").set_value(EMPTY).run()
    assert "of the baseline alone" in bar(page) and "Tick a trick" in bar(page)


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


def test_a_clock_with_the_old_address_does_not_undo_a_launch(lab, home):
    """A tick of the planning page that was under way brings the address from before Launch."""
    page = lab()
    page.button(key="launch").click().run()
    (row,) = Store(home).experiments()
    del page.query_params["experiment"]
    page.run()
    assert page.query_params["experiment"] in (row.id, [row.id])
    assert page.button(key="change")
    page.button(key="fresh").click().run()
    assert "experiment" not in page.query_params
    assert page.button(key="launch")


def test_what_waits_already_is_not_launched_twice(lab, home):
    page = lab()
    page.button(key="launch").click().run()
    again = lab()
    assert "are launched already" in bar(again)
    again.button(key="launch").click().run()
    assert len(Store(home).experiments()) == 1


def rates(page):
    """The lines of the rate chart: name and values."""
    data = json.loads(page.get("bidi_component")[0].proto.json)
    return {one["name"]: one["y"] for one in json.loads(data["figure"])["data"]}


def test_schedules_are_drawn_before_they_run(lab):
    page = lab()
    assert {name: set(line) for name, line in rates(page).items()} == {"all 4 arms": {0.1}}
    assert "The same in all 4 arms: constant 0.1." in text(page)
    tick(page, "one_cycle")
    lines = rates(page)
    assert list(lines) == ["baseline, mixup, dropout and label smoothing", "one cycle"]
    assert max(lines["one cycle"]) == pytest.approx(0.1, rel=1e-4)


def test_the_planning_page_imports_no_torch():
    import subprocess

    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "from trainer import workers\n"
        "workers.ensure_worker = lambda home: None\n"
        f"page = AppTest.from_file({str(FRAME)!r}, default_timeout=60).run()\n"
        "assert not page.exception, page.exception\n"
        "heavy = {'torch', 'torchvision', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=FRAME.parents[1], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
