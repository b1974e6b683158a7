"""Adding seeds where they may settle something, the margin, and how long it took."""

from __future__ import annotations

from pages.parts.addseeds import HELP, MOST, cost_text, offer
from pages.parts.forest import legend, table
from pages.parts.results import results
from pages.parts.setuplist import terms
from tests.pages.bench import plan
from tests.pages.test_watch import rerun, text
from tests.pages.test_watch import watch as watch
from trainer.experiment import parse


def train_by(bench, difference):
    """Train every run; ``difference`` gives dropout's gain in each seed."""
    while claim := bench.claim():
        seed = claim.run.seed
        gain = difference(seed) if claim.run.arm.name == "dropout" else 0.0
        bench.train(claim, accuracy=0.7 + 0.001 * seed + gain)


def unclear(seed):
    return 0.05 if seed % 2 else -0.035


def offered(bench):
    look = bench.look()
    return offer(look, results(look))


def test_too_few_seeds_are_made_enough(bench):
    bench.launch(plan(seeds=3))
    assert offered(bench) is None  # nothing is known yet
    train_by(bench, unclear)
    found = offered(bench)
    assert (found.count, found.needed) == (3, 3)


def test_not_resolved_asks_for_what_power_needs_and_offers_no_more_than_some(bench):
    bench.launch(plan(seeds=8))
    train_by(bench, unclear)
    look = bench.look()
    (one,) = results(look).comparisons
    assert one.verdict == "not_resolved"
    found = offered(bench)
    assert found.needed == one.needed - 8 > MOST == found.count


def test_what_is_settled_needs_no_more(bench):
    bench.launch(plan(seeds=8))
    train_by(bench, lambda seed: 0.1 + 0.001 * seed)
    assert offered(bench) is None


def test_a_difference_of_nothing_cannot_be_resolved_but_seeds_can_be_added(bench):
    bench.launch(parse(plan(seeds=8).dump() | {"margin": 0.0}))
    train_by(bench, lambda seed: 0.0)
    (one,) = results(bench.look()).comparisons
    assert one.verdict == "no_difference" and offered(bench) is None
    bench.launch(plan(seeds=4, steps=30))
    train_by(bench, lambda seed: 0.05 if seed % 2 else -0.05)
    assert offered(bench).needed == 2


def test_the_button_adds_the_seeds_and_the_page_goes_on(watch, bench):
    bench.launch(plan(seeds=4))
    train_by(bench, unclear)
    page = watch(experiment=bench.id)
    button = page.button(key="add_seeds")
    assert button.label == "Add 2 seeds, about 1 s"
    assert HELP in button.help and button.help.startswith("4 runs, about 1 s.")
    button.click()
    rerun(page)
    row = bench.store.experiment(bench.id)
    assert row.experiment.seeds == (0, 1, 2, 3, 4, 5) and row.added == (4,)
    assert "4 of 6 seeds are complete" in text(page)
    assert "add_seeds" not in {one.key for one in page.button}
    train_by(bench, unclear)
    page = watch(experiment=bench.id)
    look = bench.look()
    assert "Seeds were added once after looking (at 4)" in legend(look, results(look))


def test_another_number_can_be_chosen(watch, bench):
    bench.launch(plan(seeds=4))
    train_by(bench, unclear)
    page = watch(experiment=bench.id)
    page.number_input(key="how_many").set_value(7)
    rerun(page)
    page.button(key="add_so_many").click()
    rerun(page)
    assert len(bench.store.experiment(bench.id).experiment.seeds) == 11


def test_what_is_refused_is_said(watch, bench, monkeypatch):
    bench.launch(plan(seeds=4))
    train_by(bench, unclear)
    page = watch(experiment=bench.id)
    monkeypatch.setattr("trainer.experiment.ENGINE", 99)
    page.button(key="add_seeds").click()
    rerun(page)
    assert "baseline was changed since it was trained" in text(page)
    assert len(bench.store.experiment(bench.id).experiment.seeds) == 4


def test_above_ten_minutes_it_asks_once(watch, bench, monkeypatch):
    monkeypatch.setattr("pages.parts.addseeds.more_seconds", lambda *args: 4000.0)
    bench.launch(plan(seeds=4))
    train_by(bench, unclear)
    page = watch(experiment=bench.id)
    page.button(key="add_seeds").click()
    rerun(page)
    assert "**2 seeds** of every arm: 4 runs, about 1 h 7 min." in text(page)
    assert len(bench.store.experiment(bench.id).experiment.seeds) == 4
    page.button(key="add_long").click()
    rerun(page)
    assert len(bench.store.experiment(bench.id).experiment.seeds) == 6


def test_the_cost_is_that_of_all_arms(bench, monkeypatch):
    monkeypatch.setattr("pages.parts.results.run_seconds", lambda look, arm=None: 5.0)
    bench.launch(plan(seeds=4))
    train_by(bench, unclear)
    look = bench.look()
    assert cost_text(look, 6) == "12 runs, about 60 s."
    assert "2 more seeds for a verdict, 10 s" in table(look, results(look), slots=2)


# Margin and time.


def test_the_margin_decides_and_says_whose_it_is(bench):
    data = plan(seeds=8).dump()
    bench.launch(parse(data | {"margin": 0.2}))
    train_by(bench, lambda seed: unclear(seed))
    look = bench.look()
    known = results(look)
    assert known.comparisons[0].verdict == "no_difference"
    assert "differs by less than 20.0 points" in known.sentence
    assert "Gray zone: ± 20 points, the margin you set." in table(look, known, slots=1)
    assert terms(look)["Margin"] == "± 20 points"
    bench.launch(parse(data | {"seeds": list(range(8)), "name": "again"}))
    look = bench.look()
    assert results(look).comparisons[0].verdict == "not_resolved"
    assert "all that 450 test images can tell apart" in table(look, results(look), slots=1)


def test_a_loss_can_have_a_margin(bench):
    bench.launch(parse(plan(seeds=6, metric="test_loss").dump() | {"margin": 0.2}))
    train_by(bench, unclear)
    look = bench.look()
    said = legend(look, results(look))
    assert "Gray zone: ± 0.20 of loss, the margin you set." in said and "no margin" not in said


def test_the_estimate_is_checked_when_all_is_done(bench):
    bench.id = bench.store.launch(plan(seeds=2), estimate=40.0)
    assert "Time" not in terms(bench.look())
    bench.train_all()
    assert terms(bench.look())["Time"].startswith("foretold 40\u00a0s, took 0")
    bench.launch(plan(seeds=2))
    assert "Time" not in terms(bench.look())
