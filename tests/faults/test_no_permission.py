"""A folder in which one may not write, as somebody whom permissions bind: a sentence, no traceback.

Permissions do not bind the superuser, so there the command becomes nobody once it is loaded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.trainer.stores import plan
from trainer.store import Store

ROOT = Path(__file__).resolve().parents[2]
NOBODY = """
import os, sys
import sqlalchemy.dialects.sqlite, trainer.executors.local, trainer.foreground
from trainer.commandline import main
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""
WAY_OUT = "or set TRICKBOARD_HOME to a folder that you can write."

pytestmark = pytest.mark.skipif(os.name == "nt", reason="permissions are other things there")


@pytest.fixture
def forbidden():
    """A folder that may be read, with a home in it that has runs waiting."""
    top = Path(tempfile.mkdtemp())  # pytest's own may be entered by its owner alone
    store = Store(top / "home")
    store.launch(plan())
    store.close()
    content = store.path.read_bytes()
    store.path.chmod(0o444)
    for folder in (top / "home", top):
        folder.chmod(0o555)
    yield top
    assert store.path.read_bytes() == content
    for folder in (top, top / "home"):
        folder.chmod(0o755)
    shutil.rmtree(top)


def said(*command):
    return subprocess.run(
        [sys.executable, "-c", NOBODY, *map(str, command)],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["worker", "stop"])
def test_a_store_that_one_may_only_read(forbidden, command):
    told = said(command, "--store", forbidden / "home")
    assert told.returncode in (2, 3)
    assert "Give yourself the right to write" in told.stderr
    assert told.stderr.endswith(f"{WAY_OUT}\n") and told.stderr.count("\n") == 1


def test_a_home_that_one_may_not_make(forbidden):
    told = said("status", "--store", forbidden / "new")
    assert told.returncode == 2
    where = f"{forbidden / 'new'} cannot be used (Permission denied). "
    assert told.stderr == f"{where}Give yourself the right to write there, {WAY_OUT}\n"
