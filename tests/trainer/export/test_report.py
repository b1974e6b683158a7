"""The report: a page by itself, which says all that a reader has to know."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.trainer.export.bench import MADE, plan, train
from trainer.experiment import parse
from trainer.export.material import gather
from trainer.export.report import report
from trainer.export.report_differences import minus_baseline
from trainer.export.report_setup import formula
from tricks import catalog

ROOT = Path(__file__).resolve().parents[3]


class Reader(HTMLParser):
    """All tags with their attributes, and the text of the experiment."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.json, self.inside, self.text = [], "", False, []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = dict(attrs).get("id") == "experiment"

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        self.text.append(data)
        if self.inside:
            self.json += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def test_the_report_fetches_nothing_and_can_be_loaded_again(material):
    html = report(material)
    read = Reader(html)
    assert not {"script", "link", "img", "iframe", "object", "embed"} & {t for t, _ in read.tags}
    assert not re.findall(r"url\(|@import|\bsrc=", html)
    outside = {one["href"] for one in read.all("a") if not one["href"].startswith("data:")}
    assert outside and all(one.startswith("https://arxiv.org/abs/") for one in outside)
    addresses = re.findall(r"https?://[^\"'<> ]+", html)
    assert set(addresses) - outside == {"http://www.w3.org/1998/Math/MathML"}  # a name, not a place
    assert parse(json.loads(read.json)).dump() == material.experiment.dump()


def test_the_report_says_what_was_found(material):
    html = report(material, at=0.0)
    text = " ".join("".join(Reader(html).text).split())
    assert "Which *one* <wins>?" in text and "<wins>" not in html and "<b>AUX" not in html
    assert "1970-01-01 00:00 UTC" in text
    assert "mixup, a/b is better than the baseline." in text
    assert "diverged in 2 of 8 runs; differences use the seeds complete in both arms" in text
    assert "<b>AUX</b>, seeds 0 and 1 diverged: the loss is not a number, at step 7." in text
    # In the forest, seed by seed, and against cost.
    assert html.count('class="dot"') == 8 + 6 + 2 * (8 + 6) + 8 + 8 + 6
    assert "Holm over 2 comparisons" in text and "all that 450 test images can tell apart" in text
    assert "Fixed rates." in text and "No seed was added after the launch." in text
    assert "handwritten digits" in text and "AUX one cycle" not in text
    for title in ("Mixup", "One cycle", "Label smoothing"):
        assert f"<h3>{title}</h3>" in html
    assert catalog()["mixup"].card.watch_out.split(".")[0] in text
    for package in ("Trickboard", "torch", "numpy", "Processor"):
        assert f"<dt>{package}</dt>" in html


def test_the_report_says_what_the_runs_were_trained_with(trained, material):
    html = report(material)
    for title, said in (("torch", "2.14.1"), ("Processor", "Abacus 9"), ("Threads", "1")):
        assert f"<dt>{title}</dt><dd>{said}</dd>" in html
    assert "Not one machine." not in html
    ids = [run.id for run in material.runs]
    other = {id: {"made_with": MADE | {"processor": "Loom 3"}} for id in ids[:8]}
    html = report(replace(material, reports=material.reports | other))
    assert "<b>Not one machine.</b>" in html and "Processor Abacus 9 and Loom 3" in html
    none = report(replace(material, reports={}))
    assert "<dt>Trained with</dt><dd>not recorded</dd>" in none and "Not one machine" not in none
    half = report(replace(material, reports={id: material.reports[id] for id in ids[:8]}))
    assert "<dt>Not recorded</dt><dd>for 16 of 24 runs</dd>" in half


def test_every_figure_names_its_band_and_n_and_can_be_read_aloud(material):
    read = Reader(report(material))
    html = report(material)
    notes = re.findall(r"<figcaption><b>(.*?)</b> <span>(.*?)</span>", html)
    assert [title for title, _ in notes] == [
        "Seed by seed", "Test accuracy", "Test loss", "Learning rate", "Accuracy minus baseline",
        "Accuracy against cost",
    ]  # fmt: skip
    assert all("band" in note for _, note in notes)
    ends = ["n = 6 to 8"] * 3 + ["as set: no band", "95 % t band, n = 6 to 8", "n = 6 to 8"]
    assert all(note.endswith(end) for (_, note), end in zip(notes, ends, strict=True))
    drawn = [one for one in read.all("svg") if one.get("role") == "img"]
    assert len(drawn) == 7 and all(one["aria-label"] for one in drawn)
    assert any("mixup, a/b 7" in one["aria-label"] or "8" in one["aria-label"] for one in drawn)
    assert len(read.all("figure")) == 6 == html.count("<summary>The numbers</summary>")
    assert read.all("caption")


def test_the_difference_over_training_is_paired_and_ends_where_the_verdict_stands(material):
    first, second = minus_baseline(material, "test_accuracy")
    assert (first.mean.n, second.mean.n) == (8, 6)
    final = [run.metrics["test_accuracy"] for run in material.of_arm(1)]
    base = [run.metrics["test_accuracy"] for run in material.of_arm(0)]
    assert first.mean.y[-1] == pytest.approx(100 * (sum(final) - sum(base)) / 8)


def test_a_design_of_combinations_has_its_effects(store):
    data = plan(seeds=6)
    tricks = [[], [{"id": "mixup"}], [{"id": "dropout"}], [{"id": "mixup"}, {"id": "dropout"}]]
    data["arms"] = [{"name": f"arm {i}", "tricks": own} for i, own in enumerate(tricks)]
    html = report(gather(store, train(store, data, lost=0)))
    assert "<h2>Effects</h2>" in html and "mixup × dropout" in html
    assert "Holm over 3 effects." in html and "Effects, n = 6: " in html
    assert html.count('class="bar ink"') == 3 and html.count('class="dot ink"') == 18


def test_a_report_without_such_a_design_has_no_effects(material):
    assert "<h2>Effects</h2>" not in report(material)
    assert "<h2>A closer look</h2>" not in report(material)


def test_calibration_and_confusion_are_means_over_the_runs_with_their_n(store):
    told = {
        "ece": 0.04,
        "calibration": {"ece": 0.04, "bins": [[None, None, 0], [0.6, 0.5, 4], [0.95, 1.0, 6]]},
        "confusion": [[4, 1], [2, 3]],
        "balanced_accuracy": 0.7,
    }
    html = report(gather(store, train(store, plan(seeds=6), lost=1, report=lambda run: told)))
    assert "<h2>A closer look</h2>" in html
    assert "test images, mean over the runs, no band, n = 5 or 6" in html
    assert html.count('class="matrix"') == 3 and "<td><b>4</b></td>" in html
    assert "Accuracy over confidence. baseline: ECE 4.0 %" in html
    assert '<th scope="row">baseline</th><td>6</td><td>4.0 %' in html


def test_one_constant_rate_is_a_sentence_not_a_figure(store):
    data = plan(seeds=2)
    data["arms"] = data["arms"][:2]
    html = report(gather(store, train(store, data)))
    assert "Learning rate: 0.1 in both arms, from the first step to the last." in html
    assert "<b>Learning rate</b>" not in html


def test_a_loss_and_a_budget_in_seconds(store):
    data = plan(metric="test_loss", margin=0.5)
    data["setup"] = {**data["setup"], "seconds": 4.0}
    del data["setup"]["steps"]
    html = report(gather(store, train(store, data, lost=0)))
    assert "seconds of training" in html and "4 s of training" in html
    assert "Below zero is better." in html and "no difference" in html
    assert "Gray zone: ± 0.5, the largest difference that counts as none, set before launch" in html


def test_looks_and_tuned_rates_are_told(material):
    tune = parse(plan(tune={"scales": [0.5, 2.0], "seeds": 3}))
    row = replace(material.row, experiment=tune, added=(6,), tuned={"baseline": 2.0})
    text = report(replace(material, row=row))
    assert "Looked at before." in text and "at 6" in text
    assert "× 0.5 to × 2 on 3 seeds that are not compared" in text
    assert "Fixed rates." not in text


def test_the_report_of_many_runs_stays_small(store):
    data = plan(seeds=11)
    html = report(gather(store, train(store, data, grid=tuple(range(0, 1001)))))
    assert len(html) < 1_000_000


def test_the_report_has_the_colors_of_the_pages(material):
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]
    html = report(material)
    for name in ("light", "dark"):
        for color in theme[name]["chartCategoricalColors"]:
            assert color in html


@pytest.mark.parametrize("name", ["mixup", "label_smoothing", "one_cycle", "early_stopping"])
def test_formulas_are_drawn(name):
    drawn = formula(catalog()[name].card.formula)
    root = ElementTree.fromstring(drawn)
    assert root.find(".//{http://www.w3.org/1998/Math/MathML}mi") is not None
    assert "&amp;" not in drawn.partition(">")[2], "an alignment sign is drawn as a letter"


def test_a_formula_that_cannot_be_drawn_is_shown_as_it_is():
    assert formula(r"\left( x").count(r"<code>\left( x</code>") == 1


def test_a_trick_that_is_gone_is_named(material, monkeypatch):
    left = {id: trick for id, trick in catalog().items() if id != "mixup"}
    for module in ("trainer.experiment", "trainer.export.report_setup"):
        monkeypatch.setattr(f"{module}.catalog", lambda: left)
    html = report(material)
    assert "<h3>mixup</h3>" in html and "not in the catalog any more" in html
