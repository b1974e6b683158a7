"""The fork server: it imports what runs need once, and their processes are forked from it.

It may begin before all else, and imports beside whatever its owner does meanwhile; so this module
loads next to nothing. Linux only: elsewhere processes are spawned, and nothing here does anything.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.forkserver import ensure_running

from trainer.devices import ROOT

HASTY = "trainer.executors.hasty"
PRELOAD = ["torch", "torch.optim", "trainer.executors.warm"]
COMPILER = "torch._dynamo.eval_frame"  # a second: imported by the first step of torch's optimizers
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def start_method() -> str:
    """fork server on Linux, spawn elsewhere; TRICKBOARD_START overrides."""
    return os.environ.get("TRICKBOARD_START") or (
        "forkserver" if sys.platform == "linux" else "spawn"
    )


def prepare(*, compiler: bool) -> None:
    """Say what the processes of runs find, and what the fork server imports for them.

    Without the ``compiler`` each process imports it when it first needs it: for somebody who waits
    for one experiment, in which perhaps none does.
    """
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if paths[0] != str(ROOT):
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, paths)])
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    if start_method() == "forkserver":
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([HASTY, *[COMPILER] * compiler, *PRELOAD])


def begin(*, compiler: bool) -> None:
    """Have it begin with its imports."""
    prepare(compiler=compiler)
    if start_method() == "forkserver":
        ensure_running()


def end() -> None:
    """It would end with this process, but not before it has imported all that it was told to."""
    import psutil

    for child in psutil.Process().children():
        try:
            if any("multiprocessing.forkserver" in word for word in child.cmdline()):
                child.kill()
        except psutil.NoSuchProcess:
            continue
