"""The command that exports: what it writes, and what goes wrong."""

from __future__ import annotations

import os

import pytest

from tests.trainer.export.bench import plan
from trainer import __main__ as cli
from trainer import export as exporting
from trainer.experiment import parse
from trainer.export import FORMATS, script
from trainer.export.material import NoExport, file_names


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
