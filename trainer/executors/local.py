"""Processes on this machine, ready before they are needed.

On Linux each is forked from a fork server that has imported torch (0.04 s to the first step,
against 3 s). Elsewhere, and with TRICKBOARD_START=spawn, idle processes that have imported it wait
for work. The preload only imports: it runs no operation and asks CUDA nothing, either of which
would break the children.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from multiprocessing.forkserver import ensure_running
from typing import TYPE_CHECKING, Any

import psutil

from trainer.devices import ROOT
from trainer.executors.base import Ended, Job
from trainer.executors.process import report, wait_for_work

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from trainer.experiment import Experiment

PRELOAD = ["torch", "torch.optim", "trainer.executors.warm"]
COMPILER = "torch._dynamo.eval_frame"  # a second: imported by the first step of torch's optimizers
WARM_SECONDS = 180.0  # a cold disk may need long for torch
STEPS = ("optimizer", "step", "begin", "dataset")  # moments that may take steps of their own
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def start_method() -> str:
    """fork server on Linux, spawn elsewhere; TRICKBOARD_START overrides."""
    return os.environ.get("TRICKBOARD_START") or (
        "forkserver" if sys.platform == "linux" else "spawn"
    )


class Local:
    """One operating system process for each job, of the ``multiprocessing`` module.

    ``optimizers``: whether to expect runs with optimizers of torch; see :func:`optimizers`.
    """

    def __init__(self, *, optimizers: bool = True) -> None:
        self.method = start_method()
        self.context: Any = multiprocessing.get_context(self.method)
        self.processes: dict[str, BaseProcess] = {}
        self.idle: list[tuple[BaseProcess, Connection]] = []
        if self.method == "forkserver":
            self.context.set_forkserver_preload([*PRELOAD, *[COMPILER] * optimizers])
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        os.environ.update(dict.fromkeys(ONE_THREAD, "1"))

    def hurry(self) -> None:
        """Have the fork server begin with its imports, beside whatever is done before ``warm``."""
        if self.method == "forkserver":
            ensure_running()

    def warm(self) -> dict[str, Any]:
        """Start the fork server or an idle process, and have a first process tell what it found.

        Raises:
            OSError: the process gave no answer.
        """
        if self.method != "forkserver":
            self.idle.append(self.waiting())
        ours, theirs = self.context.Pipe(duplex=False)
        process = self.context.Process(target=report, args=(theirs,))
        process.start()
        theirs.close()
        try:
            if not ours.poll(WARM_SECONDS):
                raise OSError(f"the first process said nothing for {WARM_SECONDS:g} s")
            found: dict[str, Any] = ours.recv()
        except EOFError as error:
            raise OSError("the first process ended without a word") from error
        finally:
            ours.close()
            process.kill()
            process.join()
        return found

    def start(self, job: Job) -> None:
        if self.method == "forkserver":
            process = self.context.Process(target=job.call, args=job.args)
            process.start()
        else:
            process, pipe = self.idle.pop() if self.idle else self.waiting()
            pipe.send((job.call, job.args))
            pipe.close()
            self.idle.append(self.waiting())
        self.processes[job.key] = process

    def waiting(self) -> tuple[BaseProcess, Connection]:
        """An idle process, and the pipe on which it waits for a function to call."""
        theirs, ours = self.context.Pipe(duplex=False)
        process = self.context.Process(target=wait_for_work, args=(theirs,))
        process.start()
        theirs.close()
        return process, ours

    def stop(self, key: str) -> None:
        if key in self.processes:
            self.processes[key].kill()

    def poll(self) -> list[Ended]:
        ended = []
        for key, process in list(self.processes.items()):
            if process.exitcode is not None:
                ended.append(Ended(key=key, how=in_words(process.exitcode)))
                del self.processes[key]
                process.close()
        return ended

    def close(self) -> None:
        for process, pipe in self.idle:
            pipe.close()
            process.kill()
        for process in [*self.processes.values(), *(one for one, _ in self.idle)]:
            process.kill()
            process.join(5)
        self.processes.clear()
        self.idle.clear()
        if self.method == "forkserver":
            end_fork_server()


def optimizers(experiment: Experiment) -> bool:
    """Whether some run of an experiment takes steps that plain descent does not."""
    tricks = [one.remade() for arm in experiment.arms for one in arm.tricks]
    return any(one is None or any(map(one.changes, STEPS)) for one in tricks)


def end_fork_server() -> None:
    """It would end with this process, but not before it has imported all that it was told to."""
    for child in psutil.Process().children():
        try:
            if any("multiprocessing.forkserver" in word for word in child.cmdline()):
                child.kill()
        except psutil.NoSuchProcess:
            continue


def in_words(status: int) -> str:
    """How a process ended: "its process was killed (SIGKILL)"."""
    if status >= 0:
        return f"its process ended with status {status}"
    try:
        return f"its process was killed ({signal.Signals(-status).name})"
    except ValueError:
        return f"its process was killed (signal {-status})"
