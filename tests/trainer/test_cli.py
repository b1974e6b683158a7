"""The command line: its shapes are public."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import psutil
import pytest

from tests.faults.crew import has_ended
from tests.trainer.test_supervisor import until
from trainer import __main__ as cli
from trainer import commandline
from trainer.experiment import parse
from trainer.processes import birth
from trainer.queue import Queue
from trainer.store import Store
from trainer.workers import is_locked, worker_lock
from tricks import catalog

SETUP = {
    "dataset": "digits",
    "train_size": 100,
    "network": {"kind": "mlp", "depth": 1, "width": 8},
    "steps": 20,
    "batch_size": 10,
    "device": "cpu",
}
NUMBERS = {"mean", "low", "high", "n", "p", "verdict"}


def plan(**changes):
    return {
        "name": "Does it help?",
        "setup": SETUP | changes,
        "arms": [
            {"name": "baseline", "tricks": []},
            {"name": "again", "tricks": []},
            {"name": "smooth", "tricks": [{"id": "label_smoothing", "knobs": {"epsilon": 0.2}}]},
        ],
        "seeds": [0, 1],
    }


@pytest.fixture
def write(tmp_path):
    """Writes an experiment to a file and gives its path."""

    def write(data):
        path = tmp_path / "experiment.json"
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        return str(path)

    return write


@pytest.fixture
def trained(home):
    """A store in which all runs of the plan are done; nothing was really trained."""
    store = Store(home)
    train(store, plan())
    yield store
    store.close()


def train(store, data):
    store.launch(parse(data))
    queue = Queue(store)
    while claim := queue.claim("w", "cpu", "cpu"):
        accuracy = 0.5 + claim.run.seed / 100 + len(claim.run.arm.tricks) / 10
        metrics = {"test_accuracy": accuracy, "test_loss": 1 - accuracy, "train_loss": 0.1}
        queue.finish(claim, state="done", steps=20, seconds=0.5, metrics=metrics)


def strict(text):
    """JSON without NaN."""
    return json.loads(text, parse_constant=lambda value: pytest.fail(f"{value} was printed"))


def command(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "trainer", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_an_experiment_from_a_file_to_its_verdict(home, write, tmp_path, capsys):
    path = write(plan())
    store = tmp_path / "deep" / "board.db"
    running = command("run", path, "--store", str(store), "--workers", "2", "--json")
    out, err = running.communicate(timeout=250)
    assert running.returncode == 0, err
    shown = strict(out)
    assert shown["experiment"] == parse(plan()).dump() | {"id": shown["experiment"]["id"]}
    assert [arm["name"] for arm in shown["arms"]] == ["baseline", "again", "smooth"]
    for arm in shown["arms"]:
        assert [run["seed"] for run in arm["runs"]] == [0, 1]
        for run in arm["runs"]:
            assert (run["state"], run["steps"]) == ("done", 20) and run["seconds"] > 0
            assert {"test_accuracy", "test_loss", "train_loss"} <= run["metrics"].keys()
            assert 0 <= run["metrics"]["test_accuracy"] <= 1
        mean = sum(run["metrics"]["test_accuracy"] for run in arm["runs"]) / 2
        assert arm["mean"]["test_accuracy"] == pytest.approx(mean)
    baseline, again, smooth = shown["arms"]
    assert "delta" not in baseline
    assert again["runs"] == baseline["runs"]
    assert again["delta"]["test_accuracy"]["mean"] == 0
    for one in (again, smooth):
        assert one["delta"].keys() == {"test_accuracy", "test_loss"}
        assert one["delta"]["test_accuracy"].keys() == NUMBERS
        assert one["delta"]["test_accuracy"]["verdict"] == "too_few_seeds"
    assert not is_locked(store)
    assert not Store(store).worker().alive

    # Once more: nothing is trained, so no worker is needed.
    assert cli.main(["run", path, "--store", str(store), "--json"]) == 0
    again = strict(capsys.readouterr().out)
    assert again["arms"] == shown["arms"]
    assert again["experiment"]["id"] != shown["experiment"]["id"]


def test_ctrl_c_stops_the_runs_and_leaves_no_process(home, write):
    path = write(plan(steps=10_000_000))
    running = command("run", path, start_new_session=True)
    store = Store(home)
    until(lambda: any(row.step for id in store.counts() for row in store.runs(id)), 200)
    family = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "0 of 6 runs are done" in err
    (states,) = store.counts().values()
    assert states == {"stopped": 6}
    until(lambda: all(has_ended(one) for one in family))


def test_what_is_done_is_shown_as_a_table(trained, write, capsys):
    assert cli.main(["run", write(plan())]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "arm", "n", "test", "accuracy", "difference", "p", "verdict", "seconds"
    ]  # fmt: skip
    assert lines[1].startswith("baseline  2  50.5 ± ")
    assert "+10.0 [+10.0, +10.0]" in lines[3] and "too few seeds" in lines[3]
    assert "Too few seeds for a verdict" in lines[5] and "*" not in lines[5]


def test_a_clear_difference_is_called_better(home, write, capsys):
    data = plan() | {"seeds": list(range(8)), "metric": "test_loss"}
    train(Store(home), data)
    assert cli.main(["run", write(data), "--json"]) == 0
    smooth = strict(capsys.readouterr().out)["arms"][2]["delta"]
    assert smooth["test_accuracy"]["verdict"] == smooth["test_loss"]["verdict"] == "better"
    assert smooth["test_loss"]["mean"] == pytest.approx(-0.1)
    assert smooth["test_accuracy"]["n"] == 8
    assert smooth["test_accuracy"]["p"] == pytest.approx(2 * 2 / 2**8)  # Holm over two
    assert cli.main(["run", write(data)]) == 0
    out = capsys.readouterr().out
    assert "test loss" in out and "better" in out


def test_a_run_that_is_not_done_is_told_by_the_exit_status(home, write, capsys):
    store = Store(home)
    store.launch(parse(plan()))
    queue = Queue(store)
    while claim := queue.claim("w", "cpu", "cpu"):
        text = "the loss is not a number at step 3"
        queue.finish(claim, state="diverged", steps=3, seconds=0.1, text=text)
    assert cli.main(["run", write(plan()), "--json"]) == 1
    captured = capsys.readouterr()
    assert "smooth, seed 1 diverged: the loss is not a number at step 3" in captured.err
    shown = strict(captured.out)
    assert shown["arms"][0]["mean"] == {}
    delta = shown["arms"][1]["delta"]["test_accuracy"]
    assert delta["mean"] is None and delta["p"] is None and delta["n"] == 0


def test_it_waits_for_the_worker_that_has_the_store(home, write):
    """Whoever holds the lock trains; the command only watches."""
    store = Store(home)
    with worker_lock(home):
        running = command("run", write(plan()), "--json")
        until(lambda: store.counts(), 60)
        queue = Queue(store)
        while claim := queue.claim("w", "cpu", "cpu"):
            how = {"steps": 20, "seconds": 0.5, "metrics": {"test_accuracy": 0.5}}
            queue.finish(claim, state="done", **how)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert strict(out)["arms"][0]["mean"] == {"test_accuracy": 0.5}
    assert store.worker() is None


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (plan() | {"seeds": []}, "seeds"),
        (plan(epochs=3), "setup"),
        (plan() | {"extra": 1}, "extra"),
        ("{", "JSON"),
        ('{"name": NaN}', "finite"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_stored(home, write, capsys, data, place):
    assert cli.main(["run", write(data)]) == 2
    captured = capsys.readouterr()
    assert place in captured.err and captured.out == ""
    assert list(home.iterdir()) == []


def test_every_problem_is_told(home, write, capsys):
    data = plan(lr=-1)
    data["arms"][2]["tricks"][0]["knobs"]["epsilon"] = 7
    assert cli.main(["run", write(data)]) == 2
    err = capsys.readouterr().err
    assert "setup.lr = -1" in err and "arms[2].tricks[0].knobs.epsilon = 7" in err


def test_a_file_that_is_not_there(home, capsys):
    assert cli.main(["run", "nowhere.json"]) == 2
    assert "nowhere.json cannot be read" in capsys.readouterr().err


def test_a_device_that_is_not_there(home, write, capsys, monkeypatch):
    monkeypatch.setattr(commandline, "probe", lambda: ("auto", "cpu"))
    assert cli.main(["run", write(plan(device="cuda:1"))]) == 2
    assert "no cuda:1 on this machine; it has auto, cpu" in capsys.readouterr().err
    assert Store(home).experiments() == []


def test_standard_input(trained):
    running = command("run", "-", "--json", stdin=subprocess.PIPE)
    out, err = running.communicate(json.dumps(plan()), timeout=60)
    assert running.returncode == 0, err
    assert len(strict(out)["arms"]) == 3


def test_a_store_that_cannot_be(tmp_path, write, capsys):
    (tmp_path / "file").write_text("")
    assert cli.main(["status", "--store", str(tmp_path / "file" / "x")]) == 2
    assert "cannot be used (Not a directory)" in capsys.readouterr().err


def test_tricks_as_json(capsys):
    assert cli.main(["tricks", "--json"]) == 0
    shown = strict(capsys.readouterr().out)
    assert [one["id"] for one in shown] == list(catalog())
    keys = ["id", "family", "slot", "title", "title_zh", "claim", "watch_out", "paper", "knobs"]
    for one in shown:
        assert list(one) == keys
        for knob in one["knobs"]:
            assert list(knob) == ["name", "default", "low", "high", "help"]
    smoothing = next(one for one in shown if one["id"] == "label_smoothing")
    assert smoothing["knobs"][0]["name"] == "epsilon" and smoothing["slot"] is None


def test_tricks_for_people(capsys):
    assert cli.main(["tricks"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(catalog())


def test_status_and_stop(home, capsys):
    store = Store(home)
    assert cli.main(["status"]) == 0
    assert "No worker is running" in capsys.readouterr().out
    first, second = (store.launch(parse(plan() | {"name": name})) for name in ("one", "two"))
    assert cli.main(["status", "--json"]) == 0
    shown = strict(capsys.readouterr().out)
    assert shown["worker"] is None
    assert {one["id"]: one["states"] for one in shown["experiments"]} == {
        first: {"waiting": 6}, second: {"waiting": 6}
    }  # fmt: skip
    run = store.runs(first)[0].id
    assert cli.main(["stop", run]) == 0
    assert "Stopped 1 run" in capsys.readouterr().out
    assert store.counts()[first] == {"stopped": 2, "waiting": 4}  # two arms share it
    assert cli.main(["stop", "nothing"]) == 2
    assert "no run or experiment nothing" in capsys.readouterr().err
    assert cli.main(["stop"]) == 0
    assert "Stopped 3 runs\nNo worker was running" in capsys.readouterr().out
    assert store.counts()[second] == {"stopped": 6}
    assert cli.main(["status"]) == 0
    assert "Nothing runs or waits" in capsys.readouterr().out


def test_stop_ends_a_run_whose_process_does_not_listen(home, capsys, monkeypatch):
    monkeypatch.setattr(commandline, "STOP_SECONDS", 0.1)
    store = Store(home)
    id = store.launch(parse(plan() | {"seeds": [0]}))
    queue = Queue(store)
    claim = queue.claim("w", "cpu", "cpu")
    deaf = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    queue.begin(claim, deaf.pid, birth(psutil.Process(deaf.pid)))
    assert cli.main(["stop", id]) == 0
    assert deaf.wait(10) == -signal.SIGKILL
    assert store.counts()[id] == {"stopped": 3}


def test_stop_ends_the_worker(home):
    store = Store(home)
    worker = command("worker")
    until(lambda: (row := store.worker()) and row.alive, 60)
    stopping = command("stop")
    out, _ = stopping.communicate(timeout=60)
    assert f"The worker (process {worker.pid}) has ended" in out
    assert worker.wait(60) == 0


def test_a_command_line_without_a_command():
    with pytest.raises(SystemExit) as end:
        cli.main([])
    assert end.value.code == 2
    with pytest.raises(SystemExit) as end:
        cli.main(["worker", "--workers", "0"])
    assert end.value.code == 2


def test_no_command_imports_torch():
    rooms = "trainer.__main__, trainer.commandline, trainer.foreground, trainer.results"
    code = f"import sys, {rooms}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
