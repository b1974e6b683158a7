"""Many runs: what is read again, worked out again and sent again when nothing or little is new."""

from __future__ import annotations

import json
from itertools import pairwise

from sqlalchemy.event import listen

from pages.parts import panels, reader, view
from pages.parts.curves import figure, packed
from pages.parts.means import spaced
from pages.parts.results import results
from tests.pages.bench import curves, plan, points

LONG = list(range(0, 1001))


def asked(store):
    """The statements that the store is asked from here on."""
    said = []
    listen(store.reads, "before_cursor_execute", lambda *args: said.append(args[2]))
    return said


def test_another_look_asks_as_much_however_many_runs_have_ended(bench):
    counts = []
    for seeds in (2, 12):
        bench.launch(plan(seeds=seeds))
        bench.train_all()
        one = bench.reader()
        one.look(now=True)
        said = asked(bench.store)
        one.look(now=True)
        counts.append(len(said))
        assert not any("points" in text or "curves" in text for text in said)
    assert counts[0] == counts[1]


def test_an_experiment_that_takes_long_to_read_is_read_less_often(bench, monkeypatch):
    bench.launch(plan(seeds=1))
    now = [100.0]
    monkeypatch.setattr(reader.time, "monotonic", lambda: now[0])
    one = bench.reader()
    looks = []
    read = one.read

    def slow():
        looks.append(now[0])
        now[0] += 1.0
        return read()

    monkeypatch.setattr(one, "read", slow)
    while now[0] < 120:
        one.look()
        now[0] += 0.1
    shares = [later - first for first, later in pairwise(looks)]
    assert len(looks) > 3 and min(shares) >= 1.0 + reader.REST


def test_what_was_handed_out_stays_as_it_was(bench):
    bench.launch(plan(seeds=1))
    claim = bench.claim()
    bench.queue.write(claim, points(0.5)[:5])
    one = bench.reader()
    before = one.look(now=True).curves[claim.run.id]["test_loss"]
    bench.queue.write(claim, points(0.5)[5:10])
    after = one.look(now=True).curves[claim.run.id]["test_loss"]
    assert before[0].tolist() == [0] and after[0].tolist() == [0, 10]


def test_an_update_without_news_is_the_same_bytes_and_made_once(bench):
    bench.launch(plan(seeds=2))
    bench.train(bench.claim())
    one = bench.reader()
    made = []

    def sent(look):
        def make():
            made.append(look.version)
            return packed(figure(look, results(look), view.View()), None)

        return one.once("drawn", look, make)

    first = sent(one.look(now=True))
    assert all(sent(one.look(now=True)) is first for _ in range(5))
    assert len(made) == 1
    bench.train(bench.claim())
    assert sent(one.look(now=True)) != first
    assert json.loads(first)["empty"] is None


def drawn(bench, kind):
    """How many points of that kind of line the accuracy chart has."""
    _, charts = curves(bench.look())
    return sum(len(one["y"]) for one in charts["accuracy"]["lines"] if one["kind"] == kind)


def test_the_points_of_single_runs_are_bounded(bench, monkeypatch):
    monkeypatch.setattr(panels, "MOST_SINGLE", 600)
    monkeypatch.setattr(panels, "MOST_LIVE", 300)
    bench.launch(plan(seeds=6, steps=1000))
    for _ in range(11):
        bench.train(bench.claim(), grid=LONG)
    last = bench.claim()
    bench.queue.write(last, points(0.7, LONG)[:4000])
    live = drawn(bench, "single"), drawn(bench, "run")
    assert sum(live) <= 12 * max(panels.LEAST, 300 // 12)
    bench.queue.finish(last, points(0.7, LONG)[4000:], state="done", steps=1000, seconds=4.0)
    assert live[0] < drawn(bench, "single") <= 600


def test_a_growing_line_keeps_its_places():
    assert spaced(90, 100) == slice(None)
    seen = set()
    for length in range(200, 400):
        places = spaced(length, 100).tolist()
        assert len(places) <= 100 and places[0] == 0 and places[-1] == length - 1
        seen.add(tuple(places[:20]))
    assert len(seen) <= 2, "they change when the line has doubled, not with every point"
