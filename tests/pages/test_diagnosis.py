"""Below the results: badges, the curve doctor's lines, and the closer look at an arm."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import numpy as np
import pytest

from pages.parts import diagnosis, findings
from pages.parts import diagnosis_figures as figures
from pages.parts.findings import Findings, Mark, marks
from pages.parts.forest import table
from pages.parts.results import results
from tests.pages.bench import plan
from tests.pages.test_watch import rerun, text, watch  # noqa: F401
from trainer import provenance
from trainer.calibration import in_words
from trainer.experiment import parse

ACTED = {"times": 0, "of": 40, "what": "steps with a loss below 0.1"}


def report(ece=0.02, killed=None, **tricks):
    """A report with two classes and two layers."""
    return {
        "ece": ece,
        "calibration": {"ece": ece, "bins": [[None, None, 0], [0.6, 0.5, 4], [0.95, 1.0, 6]]},
        "confusion": [[4, 1], [2, 3]],
        "recall": [0.8, None],
        "balanced_accuracy": 0.7,
        "layers": [
            {"name": "ReLU 1", "scale": 1.0, "dead": 0.25, "units": 8},
            {"name": "ReLU 2", "scale": 0.0, "dead": 1.0, "units": 8},
        ],
        "killed": killed,
        "dead_units": 0.625,
        "weight_norm": 12.3,
        "sharpness": {"rho": 0.05, "rise": 0.01},
        "tricks": tricks,
    }


def trained(bench, told, **more):
    """An experiment whose runs are done, each with the report that ``told`` gives for its arm."""
    bench.launch(plan(seeds=2, **more))
    while claim := bench.claim():
        bench.train(claim, report=told(claim.run))
    look = bench.look()
    found = Findings(bench.store)
    found.update(look)
    return look, found


# Badges.


def test_a_trick_without_effect_in_every_run_has_a_badge():
    assert marks([report(flooding={"acted": ACTED})] * 2) == [
        Mark(word="had no effect", why="0 of 80 steps with a loss below 0.1")
    ]
    assert marks([report(flooding={"acted": ACTED})], alone=False)[0].why.startswith("Flooding: 0 ")
    once = report(flooding={"acted": ACTED | {"times": 1}})
    assert marks([report(flooding={"acted": ACTED}), once]) == []
    assert marks([report(mixup={})]) == [] == marks([])  # it always acts, or cannot tell


def test_a_dead_network_has_a_badge_with_its_number():
    dead = report(killed="all 8 units of ReLU 2 give the same value for all 450 images")
    (mark,) = marks([dead, report()])
    assert mark.grave and mark.why.endswith("450 images, 1 of 2 runs")
    assert marks([dead])[0].why.endswith("450 images")


def test_badges_stand_under_the_name_of_their_arm(bench):
    look, found = trained(
        bench, lambda run: report(**{one.id: {"acted": ACTED} for one in run.arm.tricks})
    )
    html = table(look, results(look), 1, found.marks(look))
    baseline, dropout = re.findall(r"<tr><th scope='row'.*?</th>", html)
    assert "had no effect" not in baseline
    assert "<b>had no effect</b> 0 of 80 steps with a loss below 0.1" in dropout
    assert "had no effect" not in table(look, results(look), 1)


# The curve doctor.


def test_the_doctor_speaks_of_the_runs_and_of_no_others(bench):
    bench.launch(plan(seeds=2))
    claims = [bench.claim() for _ in range(4)]
    for claim in claims:
        if claim.run.arm.name == "dropout":
            bench.train(claim, state="diverged", steps=7, text="the loss is not a number")
        else:
            bench.train(claim)
    look = bench.look()
    found = Findings(bench.store)
    found.update(look)
    baseline, dropout = found.captions(look)
    assert [one.rule for one in baseline] == ["rate_too_low"]  # its curves are straight lines
    assert [one.rule for one in dropout] == ["diverged"]
    html = diagnosis.doctor_lines(look, [baseline, dropout])
    assert html.count("<details>") == 2
    assert "dropout: diverged" in html and "at step 7. In 2 of 2 runs." in html
    assert "Rule <code>diverged</code>: step 7" in html and "<b>Try:</b>" in html


def test_what_ended_is_read_once(bench, monkeypatch):
    look, found = trained(bench, lambda run: report())
    asked = []
    monkeypatch.setattr(bench.store, "reports", asked.append)
    monkeypatch.setattr(bench.store, "read", lambda *args: asked.append(args) or {})
    found.update(look)
    assert asked == []
    assert found.captions(look) is found.captions(look)
    assert len(found.of_arm(look, 0)) == 2


def test_traces_are_read_of_some_runs_only(bench, monkeypatch):
    monkeypatch.setattr(findings, "MOST_READ", 1)
    _, found = trained(bench, lambda run: report())
    assert len(found.traces) == 2 and len(found.reports) == 4


# The closer look.


def test_means_over_the_runs():
    one, two = report(), report()
    two["calibration"] = {"bins": [[None, None, 0], [0.7, 1.0, 12], [0.9, 0.5, 2]]}
    sure, right, share = figures.bins([one, two])
    np.testing.assert_allclose(sure, [(0.6 * 4 + 0.7 * 12) / 16, (0.95 * 6 + 0.9 * 2) / 8])
    np.testing.assert_allclose(right, [(0.5 * 4 + 1.0 * 12) / 16, (6 + 1) / 8])
    np.testing.assert_allclose(share, [16 / 24, 8 / 24])
    two["layers"] = [layer | {"scale": 3.0, "dead": 0.75} for layer in two["layers"]]
    assert figures.mean_layers([one, two])[0] == ("ReLU 1", 2.0, 0.5, 8)


def test_calibration_says_which_way_it_errs():
    proud = report(ece=0.2)
    proud["calibration"]["bins"] = [[0.9, 0.7, 10]]
    shy = report(ece=0.2)
    shy["calibration"]["bins"] = [[0.5, 0.7, 10]]
    assert in_words([proud]) == "ECE 20.0 %, too sure"
    assert in_words([shy]) == "ECE 20.0 %, not sure enough"
    assert in_words([proud, shy]) == "ECE 20.0 %"


def test_traces_are_averaged_where_all_runs_were_judged():
    runs = [
        (np.array([0.0, 10.0, 20.0]), np.array([1.0, 10.0, 4.0])),
        (np.array([0.0, 20.0]), np.array([1.0, 16.0])),
    ]
    steps, values = figures.mean_trace(runs, log=False)
    assert (list(steps), list(values)) == ([0, 20], [1, 10])
    assert figures.mean_trace(runs, log=True)[1] == pytest.approx([1, 8])
    svg = figures.over_steps([("first", "red", runs, False)], log=True)
    assert "first from 1 to 8" in svg and "nan" not in svg
    assert figures.over_steps([("first", "red", [], False)], log=False) == ""
    flat = [(np.array([0.0, 1.0]), np.array([0.0, 0.0]))]
    assert "nan" not in figures.over_steps([("still", "red", flat, False)], log=False)
    assert figures.over_steps([("gone", "red", flat, False)], log=True) == ""


def test_ticks_are_round():
    assert figures.round_ticks(0, 600, 4) == [0, 200, 400, 600]
    assert figures.round_ticks(28.3, 30.2, 4) == pytest.approx([28.5, 29, 29.5, 30])
    assert figures.round_ticks(3, 3) == [3]
    assert figures.decades(0.02, 7) == [0.01, 0.1, 1, 10]
    assert len(figures.decades(1e-12, 10)) <= 6
    assert (figures.label(1e-5), figures.label(0.0), figures.label(1500)) == ("1e−5", "0", "1,500")


def test_flagged_examples_are_shown_as_pictures():
    gray = base64.b64encode(bytes(range(64))).decode()
    color = base64.b64encode(bytes(48)).decode()
    html = figures.flagged(
        [
            {"index": 3, "given": 1, "voted": 7, "pixels": gray, "shape": [8, 8]},
            {"index": 4, "given": 2, "voted": 5, "pixels": color, "shape": [3, 4, 4]},
        ]
    )
    assert html.count("data:image/png;base64,") == 2
    assert "1 → <b>7</b>" in html and "alt='training image 3'" in html


def test_cleaning_is_told_in_words():
    found = [{"flagged": 10, "wrong": 20, "precision": 0.9, "recall": 0.45}] * 2
    said = diagnosis.cleaning_words(found)
    assert said.startswith("10 examples flagged, 20 labels are wrong. Precision 90.0 %")
    assert said.endswith("Recall 45.0 %: so many of the wrong were flagged.")
    none = {"flagged": 0, "wrong": 0, "precision": None, "recall": None}
    assert diagnosis.cleaning_words([none]) == "0 examples flagged, 0 labels are wrong."


def test_names_are_text_not_markup(bench):
    experiment = plan(arms=("baseline", "dropout"), seeds=1).dump()
    experiment["arms"][1]["name"] = "<b onclick=x>"
    bench.launch(parse(experiment))
    while claim := bench.claim():
        bench.train(claim, report=report())
    look = bench.look()
    found = Findings(bench.store)
    found.update(look)
    names = [arm.name for arm in look.row.experiment.arms]
    html = diagnosis.closer(look, found, 1, names)
    assert "<b onclick" not in html and "&lt;b onclick=x&gt;" in html


def test_all_panels_are_there_with_words_for_who_cannot_see(bench):
    cleaning = {"flagged": 4, "wrong": 5, "precision": 1.0, "recall": 0.8, "examples": []}
    look, found = trained(
        bench,
        lambda run: report(dropout={"cleaning": cleaning, "best_epoch": 7, "acted": ACTED}),
    )
    html = diagnosis.closer(look, found, 1, ["baseline", "dropout"])
    for heading in ("How sure, how right", "Recall by class", "Called what",
                    "Layers after training", "Dropout"):  # fmt: skip
        assert f"<b>{heading}</b>" in html
    assert "Accuracy over confidence. baseline: ECE 2.0 %; dropout: ECE 2.0 %" in html
    assert "best epoch 7" in html and "times" not in html
    assert "n = 2" in html and "nan" not in html.casefold().replace("balanced", "")
    assert "Gradient norms" not in html  # the bench has none


# The page.


def test_before_a_run_has_finished_the_closer_look_says_so(watch, bench):  # noqa: F811
    bench.launch(plan(seeds=2))
    page = watch(experiment=bench.id)
    assert "When the first run has finished, its network is looked into here." in text(page)
    assert "A closer look" in [one.value for one in page.subheader]


def test_runs_of_before_have_no_closer_look(watch, bench):  # noqa: F811
    bench.launch(plan(seeds=1))
    bench.train_all()
    page = watch(experiment=bench.id)
    assert diagnosis.NOT_KEPT in text(page)


def control(page):
    return next(one for one in page.get("button_group") if one.key == "closer")


def test_the_arm_is_chosen_in_the_address(watch, bench):  # noqa: F811
    bench.launch(plan(seeds=1))
    while claim := bench.claim():
        bench.train(claim, report=report())
    page = watch(experiment=bench.id)
    assert page.session_state["closer"] == 1
    page = watch(experiment=bench.id, closer="0")
    assert page.session_state["closer"] == 0
    rerun(page)
    assert page.session_state["closer"] == 0
    control(page).set_value(1)
    rerun(page)
    assert "closer" not in page.query_params  # as usual: it need not stand there
    control(page).set_value(0)
    rerun(page)
    assert page.query_params["closer"] in ("0", ["0"])
    page = watch(experiment=bench.id, closer="9")
    assert page.session_state["closer"] == 1


def test_the_closer_look_says_what_the_runs_were_trained_with(bench):
    made = dict.fromkeys(provenance.TITLES, "x") | {"torch": "2.14.1", "processor": "Abacus 9"}
    look, found = trained(bench, lambda run: report() | {"made_with": made})
    html = diagnosis.closer(look, found, 1, ["baseline", "dropout"])
    assert "torch 2.14.1" in html and "Abacus 9" in html and "Memory" not in html
    look, found = trained(bench, lambda run: report(), arms=("baseline", "mixup"))
    html = diagnosis.closer(look, found, 1, ["baseline", "mixup"])
    assert "<b>Trained with</b>: not recorded." in html


def test_the_closer_look_says_how_much_memory_a_run_takes(bench):
    look, _ = trained(bench, lambda run: report())
    first, second = (run for run in look.runs if run.arm == 1)
    assert diagnosis.memory([first, second]) == ""
    runs = [replace(first, memory=41_300_000), replace(second, memory=12_000_000)]
    assert diagnosis.memory(runs) == " <b>Memory</b>: 41 MB."
    runs = [replace(first, memory=1_360_000_000, together=8, gpu_memory=22_000_000), second]
    told = " <b>Memory</b>: 1.4 GB for 8 runs together, and 22 MB on the GPU."
    assert diagnosis.memory(runs) == told


def test_runs_of_two_machines_are_told_apart_in_a_line(watch, bench):  # noqa: F811
    bench.launch(plan(seeds=2))
    while claim := bench.claim():
        made = dict.fromkeys(provenance.TITLES, "x") | {"torch": f"2.{claim.run.seed}"}
        bench.train(claim, report=report() | {"made_with": made})
    page = watch(experiment=bench.id)
    assert any("torch 2.0 and 2.1" in one.value for one in page.caption)
