"""Whether a store has a worker, and how one is started: a process with a supervisor of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from trainer.devices import ROOT
from trainer.home import log_file, store_file
from trainer.processes import step_back

if TYPE_CHECKING:
    from pathlib import Path

STARTED: dict[str, subprocess.Popen[bytes]] = {}  # the last one this process started, by store
STARTING = threading.Lock()


def worker_lock(where: Path | str) -> FileLock:
    """The lock that the one supervisor of a store holds."""
    path = store_file(where)
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(f"{path}.lock", thread_local=False)


def ensure_worker(home: Path | str) -> None:
    """Start a supervisor of its own, detached, unless one has the store already.

    Quick, and safe to call often: a second supervisor finds the lock held and ends at once.
    """
    path = store_file(home)
    with STARTING:
        last = STARTED.get(str(path))
        if last is not None and last.poll() is None:
            return
        if is_locked(path):
            return
        STARTED[str(path)] = start_worker(path)


def is_locked(where: Path | str) -> bool:
    """Whether a supervisor has this store."""
    lock = worker_lock(where)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def start_worker(path: Path) -> subprocess.Popen[bytes]:
    """``python -m trainer worker``, in a session of its own so that it outlives this process."""
    path_of_python = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path_of_python)}
    if env.get("TRICKBOARD_DATA"):
        env["TRICKBOARD_DATA"] = os.path.abspath(env["TRICKBOARD_DATA"])
    # Tricks of one's own are looked for there, and the worker has another working directory.
    env["TRICKBOARD_HOME"] = os.path.abspath(env.get("TRICKBOARD_HOME") or ".trickboard")
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        detached = {"creationflags": flags}
    with log_file(path.parent, "worker").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "trainer", "worker", "--store", str(path)],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **detached,
        )
    step_back(process.pid)
    return process
