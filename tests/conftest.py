"""What all tests share: a home of their own, and the real data beside the repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]

# One thread a process, as the workers have it: the same curve bit for bit, and no oversubscription.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """A fresh TRICKBOARD_HOME. For every test, so that none touches a person's own."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("TRICKBOARD_HOME", str(folder))
    monkeypatch.delenv("TRICKBOARD_DATA", raising=False)
    return folder


@pytest.fixture(scope="session")
def missing() -> Callable[[str], NoReturn]:
    """Leaves a test out on a person's machine, with a reason. In CI everything must be there."""

    def leave(reason: str) -> NoReturn:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)

    return leave


@pytest.fixture(scope="session")
def shared_data(missing) -> Path:
    """The folder of MNIST and CIFAR-10 beside the repository."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        missing("there is no ../shared/data with MNIST and CIFAR-10")
    return folder
