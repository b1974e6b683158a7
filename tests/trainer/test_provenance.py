"""With what runs were trained, in words: of some, of all, of those that did not say."""

from __future__ import annotations

from tests.trainer.export.bench import MADE
from tests.trainer.loops import follow, make_run
from trainer.provenance import line, made_with, of_report, terms, unlike


def test_one_machine_is_said_once_and_warned_of_never():
    assert dict(terms([MADE] * 3))["torch"] == "2.14.1"
    assert unlike([MADE] * 3) == "" == unlike([MADE, None]) == unlike([])
    assert line([MADE]) == (
        "Trickboard 0.1.0, torch 2.14.1, numpy 2.3.0, Python 3.11.4; Abacus 9, 1 thread; Linux"
    )


def test_what_differs_is_named_with_both_values():
    other = MADE | {"torch": "2.13.0", "python": "3.12.1", "threads": 4}
    said = unlike([MADE, MADE, other])
    assert "torch 2.14.1 and 2.13.0; Threads 1 and 4." in said
    assert "3.12.1" not in said  # changes no number
    assert dict(terms([other, MADE]))["Python"] == "3.12.1 and 3.11.4"


def test_old_runs_say_nothing_and_that_is_said():
    assert of_report({"ece": 0.1}) is None is of_report(None)
    assert terms([None]) == [("Trained with", "not recorded")] and line([None]) == "not recorded"
    assert dict(terms([MADE, None, None]))["Not recorded"] == "for 2 of 3 runs"
    assert line([MADE, None]).endswith("; not recorded for 1 run")


def test_a_run_that_diverges_says_it_too(home):
    deep = {"kind": "mlp", "depth": 8, "width": 64}
    outcome = follow(make_run(lr=1.0, steps=200, network=deep), home)[1]
    assert outcome.state == "diverged" and outcome.report == {"made_with": made_with("cpu")}
