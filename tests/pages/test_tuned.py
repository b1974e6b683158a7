"""The watching face of an experiment whose arms look for their learning rates first."""

from __future__ import annotations

import re

from pages.parts.board import awaited, every_run, lines, told
from pages.parts.progress import progress_words, to_come
from pages.parts.results import results
from pages.parts.setuplist import terms
from pages.parts.tuned import page as tuned_page
from tests.pages.bench import plan
from tests.pages.test_watch import rerun, text
from tests.pages.test_watch import watch as watch
from trainer.experiment import parse


def tuned(**more):
    data = plan(**more).dump()
    return parse(data | {"tune": {"scales": [0.25, 1, 4], "seeds": 2}})


def try_all(bench, value=lambda claim: 0.5 + 0.1 * claim.run.arm.lr_scale):
    """Train every trial; by default the larger the rate, the better."""
    for _ in bench.store.trials(bench.id):
        claim = bench.claim()
        bench.train(claim, accuracy=value(claim))


def test_while_rates_are_looked_for_the_page_says_so(watch, bench):
    bench.launch(tuned(seeds=4))
    bench.train(bench.claim())
    page = watch(experiment=bench.id)
    assert "Finding each arm's learning rate first: 1 of 12 trial runs done." in text(page)
    assert "Trials: 11 waiting. Then **8 compared runs**." in text(page)
    assert "being tuned per arm" in text(page)
    assert page.button(key="stop").label == "Stop"
    look = bench.look()
    assert look.active and look.state == "running" and look.runs == []
    assert to_come(look) == 8

    page.button(key="stop").click()
    rerun(page)
    stopped = "Stopped while each arm's learning rate was looked for: 1 of 12 trial runs done."
    assert stopped in text(page)
    page.button(key="go_on").click()
    rerun(page)
    assert bench.look().state == "running"


def test_between_the_last_trial_and_the_first_run_it_is_not_over(bench):
    bench.launch(tuned(seeds=4))
    try_all(bench)
    reader = bench.reader()
    before = reader.look()
    assert before.active and before.state == "running" and before.row.tuning
    bench.store.settle()
    after = reader.look(now=True)
    assert not after.row.tuning and len(after.runs) == 8
    assert after.version > before.version and after.phase != before.phase
    assert [arm.lr_scale for arm in after.row.experiment.arms] == [4.0, 4.0]


def test_the_time_left_counts_the_runs_to_come(bench, monkeypatch):
    monkeypatch.setattr("pages.parts.progress.run_seconds", lambda look: 3.0)
    bench.launch(tuned(seeds=4))
    assert progress_words(bench.look()) == (
        "Trials: 12 waiting. Then **8 compared runs**. About **60 s** left."
    )


def test_the_table_says_what_was_tried_and_which_rate_was_taken(bench):
    bench.launch(tuned(seeds=1))
    try_all(bench, lambda claim: {0.25: 0.6, 1.0: 0.8, 4.0: 0.7}[claim.run.arm.lr_scale])
    bench.store.settle()
    html = tuned_page(bench.look())
    assert re.findall(r"class=chosen><b>([\d.]+)</b><i>chosen</i>", html) == ["80.0", "80.0"]
    assert html.count("<small>60.0, 60.0</small>") == 2
    assert html.count("<td>0.1</td>") == 2 and "× 0.25" in html
    assert "may be better" not in html


def test_the_edge_of_the_grid_and_lost_arms_are_told(bench):
    bench.launch(tuned(arms=("baseline", "mixup"), seeds=1))
    for _ in bench.store.trials(bench.id):
        claim = bench.claim()
        if claim.run.arm.name == "mixup":
            bench.train(claim, state="diverged", text="no number at step 3", metrics=None)
        else:
            bench.train(claim, accuracy=0.5 + 0.1 * claim.run.arm.lr_scale)
    bench.store.settle()
    html = tuned_page(bench.look())
    assert "Baseline took the largest rate tried: a larger one may be better." in html
    assert "No trial of mixup came to its end, so its rate was kept." in html
    assert html.count("<b>diverged</b>") == 3 and "<td>0.4</td>" in html


def test_a_finished_one_has_its_verdict_and_the_rates_folded(watch, bench):
    bench.launch(tuned(seeds=8))
    try_all(bench)
    bench.store.settle()
    bench.train_all()
    page = watch(experiment=bench.id)
    assert "**Dropout** is better than the baseline." in text(page)
    assert "How the rates were found" in [one.label for one in page.expander]
    assert terms(bench.look())["Rate"] == "tuned per arm"


def test_where_every_trial_failed_the_way_out_is_to_try_again(watch, bench):
    bench.launch(tuned(seeds=1))
    while claim := bench.claim():
        bench.queue.finish(claim, state="failed", kind="data", text="digits is not here")
    page = watch(experiment=bench.id)
    assert "Every trial run failed" in text(page) and "12 runs need it" in text(page)
    page.button(key="again_0").click()
    rerun(page)
    assert {one.run.state for one in bench.store.trials(bench.id)} == {"waiting"}


def test_names_are_text_not_markup(bench):
    data = tuned(seeds=1).dump()
    data["arms"][1]["name"] = "<b onclick=x>"
    bench.launch(parse(data))
    assert "<b onclick" not in tuned_page(bench.look())


def test_the_runs_page_counts_trials_and_what_follows_them(bench):
    bench.launch(tuned(seeds=4))
    bench.train(bench.claim())
    row = bench.store.experiment(bench.id)
    states = awaited(row, bench.store.counts()[bench.id])
    assert states == {"done": 1, "waiting": 19}
    (one,) = told(bench.store, lines(bench.store), 1)
    assert one.states == states
    assert one.total == 20 and one.active
    names = [run.arm_name for run in every_run(bench.store, row)]
    assert names[0] == "baseline, rate × 0.25" and len(names) == 12
    bench.store.stop(bench.id)
    stopped = bench.store.counts()[bench.id]
    assert awaited(row, stopped) == stopped


def test_a_rate_of_an_arms_own_is_no_evidence_for_its_trick(bench):
    from pages.parts.evidence import measured

    data = plan(seeds=6).dump()
    data["arms"][1]["lr_scale"] = 2.0
    bench.launch(parse(data))
    bench.train_all()
    assert measured(bench.store) == {}
    assert results(bench.look()).comparisons[0].verdict == "better"
    assert terms(bench.look())["Rate"] == "0.1, scaled by arm"
