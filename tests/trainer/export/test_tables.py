"""Tables that are exact, and event files that TensorBoard reads."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from tests.trainer.export.bench import plan, train
from trainer import export as exporting
from trainer.experiment import parse
from trainer.export.material import KEYS, gather
from trainer.export.report import report
from trainer.export.tables import points_table, write_csv, write_parquet


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
    columns = pd.read_csv(path, nrows=0)
    exact = [name for name in columns if name == "value" or name.startswith("final.")]
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
    assert set(runs["made_with.torch"]) == {"2.14.1"}
    assert set(runs["made_with.processor"]) == {"Abacus 9"}
    final = [run.metrics.get("test_loss", math.nan) for run in material.runs]
    assert runs["final.test_loss"].to_numpy() == pytest.approx(final, abs=0, rel=0, nan_ok=True)


@pytest.mark.parametrize("id", ["1265e740", "00012345", "1e999999"])
def test_an_id_that_reads_as_a_number_stays_a_text(material, tmp_path, id):
    """The first is infinity to pandas, which once took an experiment's id from every row."""
    first = replace(material.runs[0], id=f"{id}{id.replace('e', '0')}")
    points = {**material.points, first.id: material.points[material.runs[0].id]}
    row = replace(material.row, id=id)
    write_csv(replace(material, row=row, runs=[first], points=points), tmp_path)
    for name in ("points", "runs"):
        table = pd.read_csv(tmp_path / f"{name}.csv")
        assert set(table["experiment"]) == {f"'{id}"} and set(table["run"]) == {f"'{first.id}"}


def test_arms_that_share_their_runs_each_have_the_points(store):
    data = plan(seeds=2)
    data["arms"][1]["tricks"] = []
    found = gather(store, train(store, data, lost=0))
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
    write_csv(tried, tmp_path)
    assert list(read_csv(tmp_path / "trials.csv")["scale"]) == [1.0, 2.0, 1.0, 2.0]


def test_the_points_of_trials_are_taken_away_beside_the_compared_ones(store, tmp_path):
    found = gather(store, train(store, plan(seeds=6, tune={"scales": [1.0, 2.0], "seeds": 2})))
    write_csv(found, tmp_path)
    write_parquet(found, tmp_path)
    table = read_csv(tmp_path / "trial_points.csv")
    assert list(table) == ["experiment", "arm", "scale", "seed", "run", "key", "step", "value"]
    trials = {one.run.id: one for one in found.trials}
    assert set(table["run"]) == set(trials) and len(trials) == 3 * 2 * 2
    for id, own in table.groupby("run"):
        assert set(own["scale"]) == {trials[id].scale} and set(own["seed"]) == {trials[id].seed}
        assert len(own) == sum(len(steps) for steps, _ in found.points[id].values()) > 0
    assert len(pd.read_parquet(tmp_path / "trial_points.parquet")) == len(table)
    assert not set(read_csv(tmp_path / "points.csv")["run"]) & set(trials)


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
