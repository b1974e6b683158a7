"""Where runs go on a machine, and the processes of a supervisor and its runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.trainer.test_supervisor import until
from trainer import devices, workers
from trainer.executors.forkserver import start_method
from trainer.executors.local import in_words
from trainer.processes import birth, end_process, is_alive, step_back
from trainer.workers import ensure_worker, is_locked


@pytest.mark.parametrize(
    ("wish", "found", "busy", "device"),
    [
        ("auto", ("auto", "cpu"), {"cpu": 9}, "cpu"),
        ("auto", ("auto", "cpu", "cuda:0"), {}, "cuda:0"),
        ("auto", ("auto", "cpu", "cuda:0"), {"cuda:0": 2}, None),
        ("cpu", ("auto", "cpu", "cuda:0"), {}, "cpu"),
        ("cuda", ("auto", "cpu", "cuda:0", "cuda:1"), {"cuda:0": 1}, "cuda:1"),
        ("cuda:0", ("auto", "cpu", "cuda:0", "cuda:1"), {"cuda:0": 1}, "cuda:0"),
        ("mps", ("auto", "cpu", "mps"), {}, "mps"),
        ("auto", ("auto", "cpu", "mps"), {}, "cpu"),
    ],
)
def test_where_a_run_goes(wish, found, busy, device):
    assert devices.choose(wish, found, busy, 2) == device


def test_what_is_missing():
    assert devices.missing("cuda", ("auto", "cpu", "cuda:0")) is None
    assert "no cuda" in devices.missing("cuda", ("auto", "cpu"))
    assert "no mps" in devices.missing("mps", ("auto", "cpu"))
    assert 1 <= devices.cores() <= os.cpu_count()


def test_a_process_is_known_by_its_number_and_its_birth():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = birth(psutil.Process(child.pid))
    assert is_alive(child.pid, born)
    assert not is_alive(child.pid, born - 100)
    assert not is_alive(None, None)
    end_process(child.pid, born - 100)
    assert child.poll() is None
    end_process(child.pid, born)
    until(lambda: not is_alive(child.pid, born))  # a zombie is not alive
    assert child.wait(10) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere psutil's times do not move")
def test_a_clock_that_is_set_makes_no_process_another_one(monkeypatch):
    """Linux tells when it started by today's clock, and psutil when a process did by that."""
    me, started = psutil.Process(), psutil.boot_time()
    born = birth(me)
    for module in (psutil, psutil._pslinux):
        monkeypatch.setattr(module, "boot_time", lambda: started - 3600)
    assert psutil.Process().create_time() == pytest.approx(me.create_time() - 3600)
    assert is_alive(me.pid, born)
    assert not is_alive(me.pid, born - 1)


def test_how_a_process_ended_in_words():
    assert in_words(-9) == "its process was killed (SIGKILL)"
    assert in_words(1) == "its process ended with status 1"


def test_the_start_method_can_be_switched(monkeypatch):
    monkeypatch.delenv("TRICKBOARD_START", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert start_method() == "forkserver"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert start_method() == "spawn"
    monkeypatch.setenv("TRICKBOARD_START", "forkserver")
    assert start_method() == "forkserver"


def test_a_worker_is_started_once_and_detached(home, monkeypatch):
    started = []

    class Started:
        pid = 0

        def __init__(self, command, **options):
            started.append((command, options))

        def poll(self):
            return None

    stepped_back = []
    monkeypatch.setattr(workers, "step_back", stepped_back.append)
    monkeypatch.setattr(subprocess, "Popen", Started)
    monkeypatch.setattr(workers, "STARTED", {})
    monkeypatch.setenv("TRICKBOARD_DATA", "some/data")
    ensure_worker(home)
    ensure_worker(home)
    ((command, options),) = started
    assert command[1:4] == ["-m", "trainer", "worker"]
    assert command[-1] == str(home / "trickboard.db")
    assert (options["cwd"] / "trainer" / "__main__.py").is_file()
    assert options["start_new_session"]
    assert os.path.isabs(options["env"]["TRICKBOARD_DATA"])
    assert stepped_back == [0]


def test_a_worker_lets_the_page_go_first():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        before = psutil.Process(process.pid).nice()
        step_back(process.pid)
        assert psutil.Process(process.pid).nice() != before
    finally:
        process.kill()
        process.wait()
    step_back(process.pid)  # one that has left is no error


def test_no_worker_is_started_where_there_is_one(home, monkeypatch):
    monkeypatch.setattr(workers, "STARTED", {})
    monkeypatch.setattr(workers, "start_worker", lambda path: pytest.fail("it was started"))
    assert not is_locked(home)
    with workers.worker_lock(home):
        assert is_locked(home)
        ensure_worker(home)
