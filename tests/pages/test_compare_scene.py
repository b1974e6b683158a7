"""What the comparing page is made of, without the page: address, groups, curves, the file."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from pages.parts import compare_address, compare_curves, compare_runs, compare_scene, view
from pages.parts.compare_address import Wish
from tests.pages.bench import Bench, plan, points


def scene(bench: Bench, *experiments, **wish):
    looks = []
    for one in experiments:
        bench.launch(one)
        bench.train_all()
        looks.append(bench.look())
    return compare_scene.scene_of(looks, Wish(**wish))


def test_the_address_is_read_without_trusting_it():
    wish = compare_address.read(
        {"experiments": "a,,b,a", "metric": "wit", "apart": "yes", "only": "1", "base": "x"}
    )
    assert wish == Wish(experiments=("a", "b"), only=True, base="x")


def test_curves_of_different_budgets_share_an_axis_of_epochs(bench):
    shown = scene(
        bench, plan(("baseline",), seeds=6), plan(("dropout",), seeds=6, train_size=640), apart=True
    )
    data = compare_curves.figure(shown, view.View())
    accuracy = data["charts"][0]
    assert accuracy["x"] == [0, 4]  # 40 steps are 4 epochs of 320 examples, 2 of 640
    ends = {line["arm"]: data["grids"][line["x"]][-1]
            for line in accuracy["lines"] if line["kind"] == "mean"}  # fmt: skip
    assert ends == {0: 4, 1: 2}
    assert [chart["id"] for chart in data["charts"]] == ["accuracy", "loss", "cost"]
    assert data["rate"] == "Learning rate: 0.1 in both groups, from the first step to the last."


def test_the_axis_of_young_runs_reaches_to_the_end_of_their_budget(bench):
    bench.launch(plan(seeds=1))
    bench.queue.write(bench.claim(), points(0.5, [0, 10]))
    shown = compare_scene.scene_of([bench.look()], Wish())
    ends = {axis: compare_curves.figure(shown, view.View(axis=axis))["charts"][0]["x"]
            for axis in ("step", "epoch", "seconds")}  # fmt: skip
    assert ends == {"step": [0, 40], "epoch": [0, 4], "seconds": [0, 1]}


def test_the_difference_is_drawn_against_the_base_in_points(bench):
    shown = scene(bench, plan(seeds=8))
    chart = compare_curves.figure(shown, view.View())["charts"][2]
    assert chart["id"] == "difference"
    assert chart["title"] == "Test accuracy minus baseline"
    assert "n = 8" in chart["note"]
    [mean] = [line for line in chart["lines"] if line["kind"] == "mean"]
    assert mean["arm"] == 1
    assert mean["y"][-1] == pytest.approx(100 * shown.fair[0].comparison.mean, rel=1e-4)


def test_schedules_and_costs_of_the_groups_are_drawn(bench):
    arms = ("baseline", "dropout", "cosine", "one_cycle")
    shown = scene(bench, plan(arms, seeds=6), plan(("baseline",), seeds=6, lr=0.2), apart=True)
    for axis in ("epoch", "step", "seconds"):
        data = compare_curves.figure(shown, view.View(axis=axis))
        charts = {chart["id"]: chart for chart in data["charts"]}
        lines = charts["rate"]["lines"]
        assert data["rate"] is None and [one["arms"] for one in lines] == [[0, 1], [2], [3], [4]]
        assert charts["rate"]["note"] == "4 schedules" and charts["rate"]["alt"]
        ends = {"epoch": 4, "step": 40, "seconds": 4}
        assert data["grids"][lines[0]["x"]][-1] == pytest.approx(ends[axis], rel=0.03)
        assert max(lines[3]["y"]) == pytest.approx(0.2)
    dots = [one for one in charts["cost"]["lines"] if one["kind"] == "dot"]
    assert [one["seeds"] for one in dots] == [list(range(6))] * 5
    assert "n = 6" in charts["cost"]["note"] and "dropout" in charts["cost"]["alt"]


def test_mixed_groups_have_no_schedule(bench):
    shown = scene(bench, plan(("baseline", "cosine"), seeds=2), group=("dataset",))
    data = compare_curves.figure(shown, view.View())
    assert [chart["id"] for chart in data["charts"]] == ["accuracy", "loss", "cost"]
    assert data["rate"] is None


def test_more_groups_than_a_page_can_show_are_cut_and_the_base_stays(bench, monkeypatch):
    monkeypatch.setattr(compare_scene, "MOST_GROUPS", 2)
    arms = ("baseline", "dropout", "mixup", "ema")
    every = scene(bench, plan(arms, seeds=2))
    assert (len(every.groups), every.cut) == (2, 2)
    assert every.base is every.groups[0]


def test_the_file_has_every_run_with_settings_and_knobs(bench):
    shown = scene(bench, plan(seeds=2, name="=1+1"))
    rows = list(csv.DictReader(io.StringIO(compare_runs.as_csv(shown, compare_runs.lines(shown)))))
    assert len(rows) == 4
    assert rows[2]["group"] == "dropout"
    assert rows[2]["dropout.p"] == "0.5" and rows[0]["dropout.p"] == ""
    assert rows[0]["setup.train_size"] == "320" and rows[0]["setup.network.kind"] == "mlp"
    assert float(rows[0]["test_accuracy"]) == shown.entries[0].run.metrics["test_accuracy"]


def test_ids_of_digits_alone_are_texts_in_the_file(bench):
    shown = scene(bench, plan(seeds=1))
    group = shown.groups[0]
    (entry,) = group.entries
    run = replace(entry.run, id="1234567890123456")
    entry = replace(entry, run=run, homes=(replace(entry.homes[0], id="1265e740"),))
    (row,) = csv.DictReader(io.StringIO(compare_runs.as_csv(shown, [(group.label, entry)])))
    assert (row["experiments"], row["run"]) == ("'1265e740", "'1234567890123456")
