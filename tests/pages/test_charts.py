"""What the further charts say: differences, cost, sweeps, effects; and presenting."""

from __future__ import annotations

import json
import re
from html import unescape

import numpy as np
import pytest
from scipy import stats
from sqlalchemy import update

from pages.parts import effectmap
from pages.parts.forest import table
from pages.parts.results import results
from tests.pages.bench import GRID, curves, plan
from tests.pages.test_watch import rerun, text, watch  # noqa: F401
from trainer import designs
from trainer.experiment import parse
from trainer.schema import runs


def finals(look, arm):
    return np.array([run.metrics["test_accuracy"] for run in look.runs if run.arm == arm])


def by_kind(chart, arm):
    return {line["kind"]: line for line in chart["lines"] if line["arm"] == arm}


# Differences over training.


def test_differences_are_paired_by_seed(bench):
    bench.launch(plan(arms=("baseline", "dropout", "mixup"), seeds=5))
    bench.train_all()
    look = bench.look()
    _, charts = curves(look, axis="step")
    chart = charts["difference"]
    assert chart["title"] == "Accuracy minus baseline"
    assert chart["note"] == "points, 95 % t band, n = 5"
    assert chart["zero"] and chart["x"] == [0, 40]
    assert {line["arm"] for line in chart["lines"]} == {1, 2}, "the baseline is the zero line"
    own = by_kind(chart, 1)
    deltas = 100 * (finals(look, 1) - finals(look, 0))
    low, high = stats.t.interval(0.95, 4, deltas.mean(), stats.sem(deltas))
    assert own["mean"]["x"] == GRID
    assert own["mean"]["y"][0] == 0, "both start at a tenth"
    ends = [own[kind]["y"][-1] for kind in ("low", "mean", "high")]
    assert ends == pytest.approx([low, deltas.mean(), high], rel=1e-3)
    assert chart["y"][0] <= 0 < chart["y"][1] and chart["y"][1] >= high
    assert "n = 5" in chart["alt"] and "95 % interval" in chart["alt"]


def test_a_difference_needs_both_runs_of_a_seed(bench):
    bench.launch(plan(seeds=4))
    first = bench.claim()
    bench.train(first)
    _, charts = curves(bench.look())
    assert charts["difference"]["lines"] == [] and charts["difference"]["y"] is None
    assert charts["difference"]["note"] == "points, no seed is finished in both arms yet"
    for _ in range(4):
        bench.train(bench.claim())
    data, charts = curves(bench.look())
    assert [line["kind"] for line in charts["difference"]["lines"]] == ["mean"]
    assert charts["difference"]["note"] == "points, n = 2"
    assert data["arms"][0]["n"] == "n = 3"


def test_differences_of_a_loss_and_over_seconds(bench):
    bench.launch(plan(seeds=3, metric="test_loss", steps=None, seconds=4.0))
    bench.train_all()
    _, charts = curves(bench.look(), axis="seconds", curves="train")
    chart = charts["difference"]
    assert chart["title"] == "Train loss minus baseline"
    assert by_kind(chart, 1)["mean"]["x"][-1] == pytest.approx(4)
    assert chart["foot"].endswith("Below zero is better than the baseline.")


def test_one_arm_has_nothing_to_be_compared_with(bench):
    bench.launch(plan(arms=("baseline",), seeds=2))
    bench.train_all()
    _, charts = curves(bench.look())
    assert list(charts) == ["accuracy", "loss"]


# Cost.


def test_cost_shows_every_run_and_the_means_with_both_intervals(bench):
    bench.launch(plan(seeds=4))
    seconds = iter([1.0, 2.0, 1.2, 2.4, 1.1, 2.2, 1.3, 2.6])
    while claim := bench.claim():
        bench.train(claim, seconds=next(seconds))
    look = bench.look()
    _, charts = curves(look)
    chart = charts["cost"]
    own = by_kind(chart, 1)
    values, cost = 100 * finals(look, 1), np.array([2.0, 2.4, 2.2, 2.6])
    assert own["dot"]["x"] == cost.tolist()
    assert own["dot"]["y"] == pytest.approx(values, rel=1e-3)
    assert own["point"]["x"] == [pytest.approx(2.3)]
    low, high = stats.t.interval(0.95, 3, cost.mean(), stats.sem(cost))
    assert own["point"]["left"] + own["point"]["right"] == pytest.approx([low, high], rel=1e-3)
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert own["point"]["low"] + own["point"]["high"] == pytest.approx([low, high], rel=1e-3)
    assert chart["x"] == [0, pytest.approx(1.06 * 2.6)]
    assert chart["note"] == "%, 95 % t intervals, n = 4"
    assert "up and to the left" in chart["foot"]
    assert re.search(r"dropout \d\d\.\d % in 2\.3 s, n = 4", chart["alt"])


def test_cost_says_where_runs_shared_their_seconds(bench):
    bench.launch(plan(seeds=2))
    bench.train_all()
    _, charts = curves(bench.look())
    assert "share" not in charts["cost"]["foot"]
    with bench.store.writes.begin() as db:
        db.execute(update(runs).values(together=2))
    _, charts = curves(bench.look())
    assert charts["cost"]["foot"].endswith("that were trained together share their seconds.")


def test_cost_before_the_first_run_and_with_one(bench):
    bench.launch(plan(seeds=1))
    _, charts = curves(bench.look())
    assert charts["cost"]["lines"] == [] and charts["cost"]["x"] is None
    assert "no run has finished yet" in charts["cost"]["note"]
    bench.train(bench.claim())
    _, charts = curves(bench.look())
    dot, point = charts["cost"]["lines"]
    assert dot["x"] == point["x"] == [4.0]
    assert "low" not in point and "left" not in point
    assert charts["cost"]["note"] == "%, means, n = 0 or 1"


def test_two_runs_have_no_interval_that_hides_everything_else(bench):
    bench.launch(plan(seeds=3))
    for _ in range(5):
        bench.train(bench.claim())
    _, charts = curves(bench.look())
    ends = {line["arm"]: "low" in line for line in charts["cost"]["lines"]
            if line["kind"] == "point"}  # fmt: skip
    assert ends == {0: True, 1: False}
    assert charts["cost"]["note"] == "%, 95 % t intervals from n = 3, n = 2 or 3"


# A sweep.


def sweep(values, seeds=4, **more):
    tricks = [{"id": "dropout", "knobs": {"p": p}} for p in values]
    arms = [{"name": "baseline", "tricks": []}]
    arms += [{"name": f"p {p}", "tricks": [one]} for p, one in zip(values, tricks, strict=True)]
    setup = {"steps": 40, "train_size": 320, "batch_size": 32}
    data = {"name": "How much?", "setup": setup, "arms": arms, "seeds": list(range(seeds))}
    return parse(data | more)


def test_a_sweep_is_drawn_over_its_knob_beside_the_baseline(bench):
    bench.launch(sweep([0.5, 0.1, 0.3]))
    bench.train_all()
    look = bench.look()
    _, charts = curves(look)
    chart = charts["sweep"]
    assert chart["title"] == "Accuracy by Dropout p" and chart["xtitle"] == "Dropout p"
    assert chart["ticks"] == [0.1, 0.3, 0.5] and not chart["logx"]
    path = next(line for line in chart["lines"] if line["kind"] == "path")
    assert path["arms"] == [2, 3, 1], "in the order of the values"
    assert path["x"] == [0.1, 0.3, 0.5]
    wanted = [100 * finals(look, arm).mean() for arm in (2, 3, 1)]
    assert path["y"] == pytest.approx(wanted, rel=1e-3)
    level = by_kind(chart, 0)
    assert set(level) == {"low", "high", "level"}
    assert level["level"]["y"] == pytest.approx([100 * finals(look, 0).mean()] * 2, rel=1e-3)
    assert level["level"]["x"] == pytest.approx(chart["spread"])
    assert chart["foot"].endswith("Level line: mean and 95 % t interval of baseline, n = 4.")
    assert "at 0.3 " in chart["alt"]


def test_a_wide_sweep_is_logarithmic(bench):
    bench.launch(sweep([0.01, 0.1, 0.5]))
    _, charts = curves(bench.look())
    assert charts["sweep"]["logx"] and charts["sweep"]["spread"][0] > 0
    assert charts["sweep"]["lines"] == []


# Effects of a design of combinations.


def combinations(count, seeds, fraction=True, **more):
    ids = ["dropout", "mixup", "ema", "grad_clip", "warmup", "label_smoothing"][:count]
    arms = designs.every([{"id": one, "knobs": {}} for one in ids], fraction=fraction)
    setup = {"steps": 40, "train_size": 320, "batch_size": 32}
    data = {"name": "Together?", "setup": setup, "arms": arms, "seeds": list(range(seeds))}
    return parse(data | more)


def gain(arm):
    """Dropout 10 points, mixup 5, both together 4 less than that."""
    held = {one.id for one in arm.tricks}
    both = {"dropout", "mixup"} <= held
    return 0.7 + 0.1 * ("dropout" in held) + 0.05 * ("mixup" in held) - 0.04 * both


def trained(bench, experiment):
    bench.launch(experiment)
    noise = np.random.default_rng(0)
    while claim := bench.claim():
        bench.train(claim, accuracy=gain(claim.run.arm) + 0.002 * noise.standard_normal())
    look = bench.look()
    return look, results(look), effectmap.known_effects(look)


def rows_of(html, name):
    figure = html.split(f"data-title='{name}'")[1]
    return json.loads(unescape(figure.split("data-rows='")[1].split("'")[0]))


def test_effects_of_every_combination(bench):
    _, known, found = trained(bench, combinations(2, 8))
    said = effectmap.sentence(found, known)
    best, together = said.split(" Together ")
    assert best == "**Dropout** and **mixup** are better on average over the other tricks."
    assert together.startswith("**dropout** and **mixup** give ")
    assert re.search(r" [34]\.\d points less than the sum of their effects\.$", together)
    html = effectmap.figures(found, known)
    assert "95 % t interval, n = 8" in html and "Holm over 3 effects" in html
    assert html.count("class='dot'") == 3 * 8
    assert "cannot be told from" not in html
    means = {row[0]: row[3:] for row in rows_of(html, "Interactions")}
    assert means["dropout"][0] == pytest.approx(8, abs=0.3)
    assert means["dropout × mixup"][0] == pytest.approx(-4, abs=0.5)
    mean, low, high = means["dropout × mixup"]
    assert low < mean < high < 0
    assert len(rows_of(html, "Effects")) == 3 * 9, "every seed, and the mean"


def test_what_a_fraction_cannot_tell_apart_is_said(bench):
    _, known, found = trained(bench, combinations(6, 2))
    html = effectmap.figures(found, known)
    said = re.search(r"<p>(With 6 tricks in 16 arms .*?)</p>", html)
    assert said and said[1].count("cannot be told from") == 7
    assert effectmap.sentence(found, known) == (
        "Too few seeds for a verdict on 13 effects: 2 of the 10 that they need."
    )
    assert html.count("<td class='own'") == 6


def test_effects_wait_for_a_seed_that_all_arms_have(bench):
    bench.launch(combinations(2, 1))
    bench.train(bench.claim())
    assert effectmap.known_effects(bench.look()) is None
    bench.launch(plan(seeds=1, name="no design"))
    bench.train_all()
    assert effectmap.known_effects(bench.look()) is None


def test_names_in_the_effects_are_text(bench):
    _, known, found = trained(bench, combinations(2, 1))
    found.names[0] = "<b onclick=x>"
    assert "<b onclick" not in effectmap.figures(found, known)


# The forest's numbers.


def test_the_forest_gives_every_seed_away(bench):
    bench.launch(plan(seeds=6))
    bench.train_all()
    look = bench.look()
    known = results(look)
    rows = json.loads(unescape(table(look, known, 1).split("data-rows='")[1].split("'")[0]))
    assert [row[2] for row in rows] == [0, 1, 2, 3, 4, 5, None]
    one = known.comparisons[0]
    assert rows[2][3] == pytest.approx(100 * one.deltas[2], rel=1e-4)
    assert rows[-1][3:] == pytest.approx([100 * v for v in (one.mean, one.low, one.high)], rel=1e-4)


# Presenting.


def test_presenting_leaves_out_what_is_not_for_the_room(watch, bench):  # noqa: F811
    id = bench.launch(plan(seeds=2))
    bench.train_all()
    page = watch(experiment=id, axis="step", present="1")
    assert not page.sidebar.children
    assert [one.label for one in page.button if one.key == "present"] == ["Leave"]
    assert "A closer look" not in [one.value for one in page.subheader]
    page.button(key="present").click()
    rerun(page)
    assert "present" not in page.query_params and page.query_params["axis"] == "step"
    assert [one.value for one in page.sidebar.header] == ["Setup", "View"]
    assert "A closer look" in [one.value for one in page.subheader]
    page.button(key="present").click()
    rerun(page)
    assert page.query_params["present"] == "1"


def test_a_design_of_combinations_is_answered_by_its_effects(watch, bench):  # noqa: F811
    look, known, found = trained(bench, combinations(2, 6))
    page = watch(experiment=look.row.id)
    said = [one.value for one in page.markdown]
    assert said.index(effectmap.sentence(found, known)) < said.index(known.sentence)
    assert "Together?" in text(page)


def test_lines_of_runs_name_their_seed_and_say_when_points_are_left_out(bench):
    bench.launch(plan(seeds=6))
    while claim := bench.claim():
        bench.train(claim, grid=list(range(0, 1001)))
    _, charts = curves(bench.look())
    lines = charts["accuracy"]["lines"]
    singles = [one for one in lines if one["kind"] == "single"]
    assert [one["seed"] for one in singles] == [*range(6), *range(6)]
    assert {(one["of"], len(one["y"])) for one in singles} == {(1001, 300)}
    means = [one for one in lines if one["kind"] == "mean"]
    assert all("seed" not in one and one["of"] == 1001 for one in means)
    assert charts["cost"]["lines"][0]["seeds"] == list(range(6))
