"""What one takes away: exact tables, event files that TensorBoard reads, a report by itself."""

from __future__ import annotations

import json
import math
import os
import re
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from trainer import __main__ as cli
from trainer import export as exporting
from trainer.experiment import parse
from trainer.export import FORMATS, script
from trainer.export.material import KEYS, NoExport, file_names, gather
from trainer.export.report import report
from trainer.export.report_setup import formula
from trainer.queue import Queue
from trainer.store import Store
from tricks import catalog

ROOT = Path(__file__).resolve().parents[2]
GRID = (0, 10, 20, 30, 40)


def plan(seeds=8, **more):
    """A baseline, an arm that is better, and one of which two runs diverge."""
    arms = [
        {"name": "baseline", "tricks": []},
        {"name": "mixup, a/b", "tricks": [{"id": "mixup"}]},
        {"name": "<b>AUX</b>", "tricks": [{"id": "one_cycle"}, {"id": "label_smoothing"}]},
    ]
    return {
        "name": "Which *one* <wins>?",
        "setup": {"steps": 40, "train_size": 320, "batch_size": 32, "device": "cpu"},
        "arms": arms,
        "seeds": list(range(seeds)),
    } | more


def points(accuracy, seed, grid=GRID):
    """Points as a run has them: some of every step, some of every evaluation."""
    rng = np.random.default_rng(seed)
    found = [(step, "loss", float(rng.random())) for step in range(1, grid[-1] + 1)]
    found += [(step, "lr", 0.1) for step in range(1, grid[-1] + 1)]
    for step in grid:
        part = step / grid[-1]
        found += [
            (step, "test_accuracy", 0.1 + (accuracy - 0.1) * part),
            (step, "test_loss", 2.3 - part + float(rng.random()) / 7),
            (step, "ece", math.nan if step == 0 else part / 3),
            (step, "seconds", 0.1 * step),
        ]
    return found


def train(store, data, *, lost=2, grid=GRID):
    """Launch an experiment and train it by hand; gives its id."""
    id = store.launch(parse(data))
    queue = Queue(store)
    while claim := queue.claim("bench", "cpu", "cpu"):
        tricks, seed = len(claim.run.arm.tricks), claim.run.seed
        if tricks == 2 and seed < lost:
            text = "the loss is not a number at step 7"
            queue.finish(claim, points(0.1, seed, (0, 7)), state="diverged", steps=7, text=text)
            continue
        accuracy = 0.7 + 0.1 * (tricks == 1) + 0.01 * math.sin(7 * seed + tricks)
        metrics = {"test_accuracy": accuracy, "test_loss": 1 - accuracy}
        end = {"steps": grid[-1], "seconds": 4.0, "metrics": metrics}
        queue.finish(claim, points(accuracy, seed + 100 * tricks, grid), state="done", **end)
    return id


@pytest.fixture
def store(home):
    one = Store(home)
    yield one
    one.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A store with the plan trained in it, which no test changes."""
    one = Store(tmp_path_factory.mktemp("trained"))
    train(one, plan())
    yield one
    one.close()


@pytest.fixture
def material(trained):
    return gather(trained, trained.experiments()[0].id)


def as_tuples(table):
    columns = ("arm", "seed", "run", "key", "step", "value")
    return set(zip(*(table[name].astype(object) for name in columns), strict=True))


def measured(material):
    """Every point in the store, nan as a word: nan is not equal to itself."""
    return {
        (run.arm_name, run.seed, run.id, key, int(step), float(value))
        for run in material.runs
        for key, (steps, values) in material.points[run.id].items()
        for step, value in zip(steps, values, strict=True)
        if not math.isnan(value)
    }


# Tables.


def read_csv(path):
    """With Python's own reading of numbers: those of older pandas are off by a last digit."""
    names = pd.read_csv(path, nrows=0)
    exact = [name for name in names if name == "value" or name.startswith("final.")]
    table = pd.read_csv(path, dtype=dict.fromkeys(exact, str))
    return table.assign(**{name: [float(one) for one in table[name]] for name in exact})


@pytest.mark.parametrize(("format", "read"), [("csv", read_csv), ("parquet", pd.read_parquet)])
def test_every_point_comes_back_as_it_was_measured(trained, material, tmp_path, format, read):
    written = exporting.export(trained, material.row.id, format, tmp_path / "deep" / "out")
    assert [path.name for path in written.files] == [f"points.{format}", f"runs.{format}"]
    table = read(tmp_path / "deep" / "out" / f"points.{format}")
    assert list(table) == ["experiment", "arm", "seed", "run", "key", "step", "value"]
    assert set(table["experiment"]) == {material.row.id}
    missing = table[table["value"].isna()]
    assert set(missing["key"]) == {"ece"} and len(missing) == 24
    assert as_tuples(table.dropna(subset="value")) == measured(material)

    runs = read(tmp_path / "deep" / "out" / f"runs.{format}")
    assert len(runs) == 24 and list(runs["run"]) == [run.id for run in material.runs]
    assert set(runs[runs["arm"] == "mixup, a/b"]["mixup.alpha"]) == {0.2}
    assert runs[runs["arm"] == "baseline"]["mixup.alpha"].isna().all()
    assert set(runs["setup.network.width"]) == {128} and set(runs["lr_scale"]) == {1.0}
    assert list(runs["state"]).count("diverged") == 2
    final = [run.metrics.get("test_loss", math.nan) for run in material.runs]
    assert runs["final.test_loss"].to_numpy() == pytest.approx(final, abs=0, rel=0, nan_ok=True)


def test_arms_that_share_their_runs_each_have_the_points(store):
    data = plan(seeds=2)
    data["arms"][1]["tricks"] = []
    found = gather(store, train(store, data, lost=0))
    from trainer.export.tables import points_table

    table = points_table(found)
    counts = table.groupby("arm", observed=True).size()
    assert counts["baseline"] == counts["mixup, a/b"] > 0
    assert table["run"].nunique() == 4


def test_the_keys_are_those_of_the_engine(home):
    from trainer.engine import train as engine

    setup = plan()["setup"] | {"steps": 2, "train_size": 40, "batch_size": 20}
    experiment = parse(plan(seeds=1, setup=setup))
    emitted = {point.key for point in engine(experiment.runs()[0], home=home, device="cpu")}
    assert emitted == set(KEYS)


# TensorBoard.


def test_tensorboard_reads_every_point(trained, material, tmp_path):
    out = tmp_path / "out"
    exporting.export(trained, material.row.id, "tensorboard", out)
    exporting.export(trained, material.row.id, "tensorboard", out)  # again: the same files
    assert sorted(path.name for path in out.iterdir()) == [
        "_b_AUX__b_", "baseline", "mixup, a_b"
    ]  # fmt: skip
    names = dict(zip((arm["name"] for arm in plan()["arms"]),
                     ("baseline", "mixup, a_b", "_b_AUX__b_"), strict=True))  # fmt: skip
    for run in material.runs:
        folder = out / names[run.arm_name] / f"seed {run.seed}"
        read = EventAccumulator(str(folder), size_guidance={SCALARS: 0})
        read.Reload()
        tags = read.Tags()["scalars"]
        final = {f"final/{key}" for key in run.metrics}
        assert set(tags) == set(material.points[run.id]) | final
        for key, (steps, values) in material.points[run.id].items():
            events = read.Scalars(key)
            assert [one.step for one in events] == steps.astype(int).tolist()
            np.testing.assert_array_equal([one.value for one in events], values.astype(np.float32))
        clock = [one.wall_time - run.started_at for one in read.Scalars("seconds")]
        assert clock == pytest.approx(material.points[run.id]["seconds"][1], abs=1e-4)
        for key, value in run.metrics.items():
            (last,) = read.Scalars(f"final/{key}")
            assert (last.step, last.value) == (40, np.float32(value))
        told = read.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        session = HParamsPluginData.FromString(told).session_start_info
        assert session.hparams["arm"].string_value == run.arm_name
        assert session.hparams["seed"].number_value == run.seed
    assert session.hparams["one_cycle.peak"].number_value == 0.3


# The report.


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
    assert html.count('class="dot"') == 8 + 6 + 2 * (8 + 6)  # in the forest, and seed by seed
    assert "Holm over 2 comparisons" in text and "all that 450 test images can tell apart" in text
    assert "Fixed rates." in text and "No seed was added after the launch." in text
    assert "handwritten digits" in text and "AUX one cycle" not in text
    for title in ("Mixup", "One cycle", "Label smoothing"):
        assert f"<h3>{title}</h3>" in html
    assert catalog()["mixup"].card.watch_out.split(".")[0] in text
    for package in ("Trickboard", "torch", "numpy", "Processor"):
        assert f"<dt>{package}</dt>" in html


def test_every_figure_names_its_band_and_n_and_can_be_read_aloud(material):
    read = Reader(report(material))
    html = report(material)
    notes = re.findall(r"<figcaption><b>(.*?)</b> <span>(.*?)</span>", html)
    assert [title for title, _ in notes] == [
        "Seed by seed", "Test accuracy", "Test loss", "Learning rate"
    ]  # fmt: skip
    assert all("band" in note for _, note in notes)
    assert [note.endswith("n = 6 to 8") for _, note in notes] == [True, True, True, False]
    drawn = [one for one in read.all("svg") if one.get("role") == "img"]
    assert len(drawn) == 5 and all(one["aria-label"] for one in drawn)
    assert any("mixup, a/b 7" in one["aria-label"] or "8" in one["aria-label"] for one in drawn)
    assert len(read.all("figure")) == 4 == html.count("<summary>The numbers</summary>")
    assert read.all("caption")


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


def test_trials_have_a_table_of_their_own(store, tmp_path):
    from trainer.rows import Trial

    found = gather(store, train(store, plan()))
    tune = parse(plan(tune={"scales": [1.0, 2.0], "seeds": 2}))
    runs = [run for run in found.runs if run.state == "done"]
    trials = [
        Trial(arm=run.arm, arm_name=run.arm_name, scale=scale, seed=10**6, run=run)
        for run in runs[:2]
        for scale in (1.0, 2.0)
    ]
    tried = replace(
        found, trials=trials, row=replace(found.row, experiment=tune, tuned={"baseline": 2.0})
    )
    html = report(tried)
    assert "<h2>Tuned rates</h2>" in html and "<td>× 2</td>" in html and "not yet" in html
    from trainer.export.tables import write_csv

    write_csv(tried, tmp_path)
    assert list(read_csv(tmp_path / "trials.csv")["scale"]) == [1.0, 2.0, 1.0, 2.0]


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


# Names, and what goes wrong.


def test_file_names_are_allowed_everywhere_and_distinct():
    found = file_names(["a/b", "a:b", "A?B", "con", "..", "x" * 80, "aux.tar"])
    assert found == ["a_b", "a_b (2)", "A_B (3)", "_con", "_", "x" * 80, "_aux.tar"]


@pytest.fixture
def command(trained, material, tmp_path, capsys):
    """Runs the command on the trained experiment: exit status, what it printed, the folder."""

    def run(format="csv", id=material.row.id, out=tmp_path / "new" / "out"):
        where = ["--out", str(out), "--store", str(trained.path)]
        status = cli.main(["export", id, "--format", format, *where])
        return status, capsys.readouterr(), out

    return run


@pytest.mark.parametrize("format", FORMATS)
def test_the_command_writes_every_format(command, format):
    status, told, out = command(format)
    assert (status, told.err) == (0, "")
    files = [path for path in out.rglob("*") if path.is_file()]
    assert sorted(told.out.splitlines()) == sorted(map(str, files))
    kind = {"html": ".html", "script": ".py"}.get(format, f".{format}")
    assert {"tensorboard"} == {format} or {path.suffix for path in files} == {kind}
    count = {"csv": 2, "parquet": 2, "tensorboard": 24, "html": 1, "script": 3}[format]
    assert len(files) == count


def test_an_arm_without_a_script_is_named_and_the_others_are_written(command, monkeypatch):
    whole = script.script

    def partly(experiment, arm, seed, **more):
        if arm.name == "mixup, a/b":
            raise script.Unsupported("it cannot be")
        return whole(experiment, arm, seed, **more)

    monkeypatch.setattr(script, "script", partly)
    status, told, out = command("script")
    assert status == 1
    assert told.err == "left out: mixup, a/b: it cannot be\n"
    assert len(list(out.iterdir())) == 2 and (out / "baseline.py").is_file()


def test_a_script_tells_how_its_run_ended_here(command):
    _, _, out = command("script")
    assert "test accuracy 0.7" in (out / "baseline.py").read_text("utf-8")


def test_an_unknown_experiment_is_told_of(command):
    status, told, out = command(id="3f9a")
    assert status == 2 and "There is no experiment 3f9a in" in told.err
    assert not out.parent.exists()


@pytest.mark.parametrize("format", ["csv", "parquet", "tensorboard", "html"])
def test_before_a_run_has_finished_there_is_nothing(store, tmp_path, capsys, format):
    id = store.launch(parse(plan()))
    out = tmp_path / "out"
    assert cli.main(["export", id, "--format", format, "--out", str(out)]) == 2
    assert f"({id}) has no finished run yet" in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_that_cannot_be_is_told_of(command, tmp_path):
    (tmp_path / "file").write_text("kept")
    status, told, _ = command(out=tmp_path / "file" / "out")
    assert status == 2 and f"{tmp_path / 'file'}" in told.err and "cannot be written" in told.err
    assert (tmp_path / "file").read_text() == "kept"


def test_nothing_half_written_is_left(trained, material, tmp_path, monkeypatch):
    def breaks(material, folder):
        (folder / "points.csv").write_text("half")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("trainer.export.tables.write_csv", breaks)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "points.csv").write_text("of before")
    for out in (tmp_path / "new", kept):
        with pytest.raises(NoExport, match="cannot be written: No space left"):
            exporting.export(trained, material.row.id, "csv", out)
    assert not (tmp_path / "new").exists()
    assert [path.name for path in kept.iterdir()] == ["points.csv"]
    assert (kept / "points.csv").read_text() == "of before"
