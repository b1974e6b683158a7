"""The numbers behind the curves: the reader, the means and bands, the axes, the settings."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
from scipy import stats

from pages.parts import reader, view
from pages.parts.means import Line, mean_of, smoothed, thin, tidy
from pages.parts.reader import Reader
from tests.pages.bench import ACCURACY, GRID, curves, plan, points

# The reader.


class Counted:
    """A store that remembers what was asked of it."""

    def __init__(self, store):
        self.store, self.reads, self.looks = store, [], 0

    def __getattr__(self, name):
        return getattr(self.store, name)

    def runs(self, id):
        self.looks += 1
        return self.store.runs(id)

    def news(self, cursors, keys):
        self.reads.append(dict(cursors))
        return self.store.news(cursors, keys)


def test_the_reader_adds_what_is_new_and_reads_an_ended_run_once(bench):
    bench.launch(plan(seeds=1))
    first, second = bench.claim(), bench.claim()
    store = Counted(bench.store)
    one = Reader(store, bench.store.experiment(bench.id), lambda: ("ready", None))

    bench.queue.write(first, points(0.5)[:5])
    steps, values = one.look(now=True).curves[first.run.id]["test_accuracy"]
    assert steps.tolist() == [0] and values.tolist() == [0.1]

    bench.train(second)
    bench.queue.write(first, points(0.5)[5:10])
    look = one.look(now=True)
    assert look.curves[first.run.id]["test_accuracy"][0].tolist() == [0, 10]
    assert look.curves[second.run.id]["test_accuracy"][0].tolist() == GRID
    assert store.reads[-1][first.run.id] != (0, 0), "only what is new is asked for"

    one.look(now=True)
    assert set(store.reads[-1]) == {first.run.id}, "the other one was read to its end"
    bench.queue.finish(first, points(0.5)[10:], state="done", steps=40, seconds=4.0)
    one.look(now=True)
    asked = len(store.reads)
    version = one.look(now=True).version
    assert len(store.reads) == asked, "nothing is left to read"
    assert one.look(now=True).version == version


def test_many_sessions_are_one_read(bench, monkeypatch):
    bench.launch(plan(seeds=1))
    now = [100.0]
    monkeypatch.setattr(reader.time, "monotonic", lambda: now[0])
    store = Counted(bench.store)
    one = Reader(store, bench.store.experiment(bench.id), lambda: ("ready", None))
    for _ in range(30):
        one.look()
    assert store.looks == 1
    now[0] += 0.6
    one.look()
    one.look()
    assert store.looks == 2
    made = count()
    look = one.look()
    assert {one.once("x", look, lambda: next(made)) for _ in range(5)} == {0}


def test_a_run_that_starts_again_is_read_afresh(bench):
    bench.launch(plan(arms=("baseline",), seeds=1))
    one = bench.reader()
    claim = bench.claim()
    bench.queue.finish(claim, points(0.5), state="failed", kind="error", text="it broke")
    assert len(one.look(now=True).curves[claim.run.id]["seconds"][0]) == len(GRID)
    bench.store.run_again(claim.run.id)
    one.look(now=True)
    again = bench.claim()
    bench.queue.write(again, points(0.9)[:5])
    steps, _ = one.look(now=True).curves[claim.run.id]["seconds"]
    assert steps.tolist() == [0]


# Means, bands, axes.


def line(values, steps=None, seconds=None):
    steps = np.arange(len(values)) * 10.0 if steps is None else np.asarray(steps, float)
    seconds = 0.1 * steps if seconds is None else np.asarray(seconds, float)
    return Line(steps=steps, seconds=seconds, values=np.asarray(values, float))


def test_mean_and_band_are_students(bench):
    values = np.random.default_rng(1).normal(0.7, 0.1, (5, 7))
    mean = mean_of([line(one) for one in values], by_time=False)
    low, high = stats.t.interval(0.95, 4, values.mean(0), stats.sem(values))
    assert mean.n == 5
    np.testing.assert_allclose(mean.line.values, values.mean(0))
    np.testing.assert_allclose(mean.low, low)
    np.testing.assert_allclose(mean.high, high)


def test_one_run_has_no_band_and_none_no_mean():
    assert mean_of([], by_time=False) is None
    mean = mean_of([line([1, 2, 3])], by_time=False)
    assert (mean.n, mean.low, mean.high) == (1, None, None)


def test_only_shared_steps_are_averaged():
    mean = mean_of([line([1, 2, 3], [0, 10, 20]), line([3, 5, 7], [0, 20, 30])], by_time=False)
    assert mean.line.steps.tolist() == [0, 20]
    assert mean.line.values.tolist() == [2, 4]


def test_a_budget_in_seconds_is_averaged_over_time():
    fast = line([0, 1, 2], [0, 100, 200], [0, 1, 2])
    slow = line([0, 2, 4], [0, 50, 100], [0, 1, 2])
    mean = mean_of([fast, slow], by_time=True)
    assert mean.line.seconds.tolist() == [0, 1, 2]
    assert mean.line.values.tolist() == [0, 1.5, 3]
    assert mean.line.steps.tolist() == [0, 75, 150]


def test_smoothing_starts_unbiased_and_zero_does_nothing():
    values = np.array([1.0, 3.0, 2.0])
    np.testing.assert_allclose(smoothed(values, 0.0), values)
    assert smoothed(values, 0.9)[0] == pytest.approx(1.0)
    assert values.min() <= smoothed(values, 0.9)[-1] <= values.max()


def test_lines_are_thinned_with_both_ends():
    places = thin(10_000)
    assert len(places) == 300 and places[0] == 0 and places[-1] == 9_999
    assert tidy(np.array([0.0, np.nan, 1 / 3, -123456.7])) == [0.0, None, 0.33333, -123460.0]


def kinds(chart, arm):
    return [one["kind"] for one in chart["lines"] if one["arm"] == arm]


def test_an_unfinished_run_is_in_no_mean(bench):
    bench.launch(plan(seeds=4))
    for _ in range(6):
        bench.train(bench.claim())
    claim = bench.claim()
    bench.queue.write(claim, points(0.99)[:10])
    data, charts = curves(bench.look())
    baseline = [one for one in charts["accuracy"]["lines"] if one["arm"] == 0]
    assert [one["kind"] for one in baseline] == ["single"] * 3 + ["run", "low", "high", "mean"]
    assert baseline[3]["y"] == pytest.approx([10.0, 32.25])
    assert baseline[-1]["x"] == [0, 1, 2, 3, 4]
    assert baseline[-1]["y"][-1] == pytest.approx(70, abs=3)
    assert charts["accuracy"]["note"] == "%, mean and 95 % t band, n = 3"
    assert data["arms"][0]["n"] == "n = 3"
    assert [kind for kind, _ in data["arms"][0]["dots"]] == ["done"] * 3 + ["running"]
    assert data["rate"] == "Learning rate: 0.1 in both arms, from the first step to the last."


@pytest.mark.parametrize(("axis", "end"), [("step", 40), ("epoch", 4), ("seconds", 4)])
def test_the_horizontal_axis(bench, axis, end):
    bench.launch(plan(seeds=2))
    bench.train_all()
    _, charts = curves(bench.look(), axis=axis)
    assert charts["loss"]["x"] == [0, pytest.approx(end)]
    assert charts["loss"]["lines"][-1]["x"][-1] == pytest.approx(end)
    assert charts["loss"]["xtitle"] == axis


def test_what_the_view_switches(bench):
    bench.launch(plan(arms=("baseline",), seeds=3))
    bench.train_all()
    look = bench.look()
    _, charts = curves(look, runs=False, bands=False)
    assert kinds(charts["accuracy"], 0) == ["mean"]
    assert charts["accuracy"]["note"] == "%, mean, n = 3"
    _, charts = curves(look, runs=False, smoothing=0.5)
    assert kinds(charts["accuracy"], 0) == ["low", "high", "raw", "mean"]
    _, charts = curves(look, curves="train", logloss=True)
    assert charts["loss"]["title"] == "Train loss"
    assert charts["loss"]["log"] and charts["loss"]["y"] is None
    assert charts["loss"]["lines"][-1]["y"][-1] == pytest.approx(0.3)


def test_the_first_zoom_keeps_every_arm_after_a_tenth(bench):
    bench.launch(plan(seeds=2, steps=400))
    grid = [0, 40, 200, 400]
    while claim := bench.claim():
        bench.train(claim, accuracy=ACCURACY[claim.run.arm.name], grid=grid)
    _, charts = curves(bench.look())
    low, high = charts["accuracy"]["y"]
    assert low == 15  # 16 % after a tenth
    assert high == pytest.approx(83)
    assert charts["accuracy"]["settled"]
    assert charts["loss"]["y"][1] == pytest.approx(1.25 * 0.8)


def test_schedules_that_differ_are_drawn(bench):
    bench.launch(plan(arms=("baseline", "mixup", "one_cycle"), seeds=2))
    data, charts = curves(bench.look())
    assert data["rate"] is None
    shared, own = charts["rate"]["lines"]
    assert shared["arms"] == [0, 1] and shared["ink"] and set(shared["y"]) == {0.1}
    assert own["arms"] == [2] and not own["ink"] and len(set(own["y"])) > 10
    assert charts["rate"]["note"] == "baseline and mixup: 0.1"
    _, charts = curves(bench.look(), axis="seconds")
    assert charts["rate"]["lines"] == [], "nobody knows the seconds of a step yet"


# The view in the address.


def test_an_address_gives_its_view_and_what_it_does_not_know_is_ignored():
    assert view.read({}) == view.View()
    known = view.View(
        axis="step", curves="train", smoothing=0.5, runs=False, bands=False,
        logloss=True, logstep=True,
    )  # fmt: skip
    assert view.read(view.written(known)) == known
    assert view.written(view.View()) == {}
    wrong = {"axis": "hours", "smoothing": "nan", "runs": "2", "logloss": "yes", "other": "1"}
    assert view.read(wrong) == view.View()
    assert view.read({"smoothing": "-1"}) == view.read({"smoothing": "x"}) == view.View()


def test_the_band_is_a_choice_and_named_on_every_chart(bench):
    bench.launch(plan(seeds=6))
    bench.train_all()
    look = bench.look()
    finals = [100 * run.metrics["test_accuracy"] for run in look.runs if run.arm == 1]
    middle, sd = sum(finals) / 6, float(np.std(finals, ddof=1))
    wanted = {"deviation": (middle - sd, middle + sd), "range": (min(finals), max(finals))}
    for band, ends in wanted.items():
        data, charts = curves(look, band=band)
        for kind, end in zip(("low", "high"), ends, strict=True):
            (line,) = [
                one for one in charts["accuracy"]["lines"] if (one["arm"], one["kind"]) == (1, kind)
            ]
            assert line["y"][-1] == pytest.approx(end, rel=1e-4)
        assert view.BANDS[band][1] in charts["accuracy"]["note"]
        assert view.BANDS[band][1] in charts["difference"]["note"]
        assert view.BANDS[band][2] in data["note"] and "95 % t" not in data["note"]
    assert "95 % t band" in curves(look)[1]["loss"]["note"]
    assert view.read({"band": "range"}).band == "range" and view.read({"band": "x"}) == view.View()
