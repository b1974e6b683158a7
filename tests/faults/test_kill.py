"""Kill -9 of any process at any moment: everything comes to its end, once. See kill.py."""

from __future__ import annotations

import pytest

from tests.faults.kill import KINDS, Havoc


@pytest.fixture
def havoc(home, monkeypatch):
    for name in ("TRICKBOARD_FAULTS", "TRICKBOARD_FAULT_MARK", "PYTHONPATH"):
        monkeypatch.setenv(name, "")  # taken back after the test
    monkeypatch.setenv("TRICKBOARD_STACK", "0")  # else they are done before all were killed
    one = Havoc(home, seed=7)
    yield one
    one.end()


def test_whatever_is_killed_every_run_is_done_once(havoc):
    kinds = ["run", "fork server", "all", "supervisor", "run"]
    for _ in range(5):  # a quick machine is done before all were killed, and begins anew
        havoc.round(kinds, runs=4, steps=2500, reference=True)
        kinds = [one for one in KINDS if one not in havoc.killed]
        if not kinds:
            break
    assert set(havoc.killed) == set(KINDS)
    assert havoc.told["attempts"] > havoc.told["runs done"] == 4 * havoc.rounds
