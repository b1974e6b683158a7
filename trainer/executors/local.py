"""Processes on this machine, ready before they are needed.

On Linux each is forked from a fork server that has imported torch (0.04 s to the first step,
against 3 s). Elsewhere, and with TRICKBOARD_START=spawn, idle processes that have imported it wait
for work. The preload only imports: it runs no operation and asks CUDA nothing, either of which
would break the children.
"""

from __future__ import annotations

import multiprocessing
import signal
from typing import TYPE_CHECKING, Any

from trainer.executors.base import Ended, Job
from trainer.executors.forkserver import end, prepare, start_method
from trainer.executors.process import report, wait_for_work

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

WARM_SECONDS = 180.0  # a cold disk may need long for torch


class Local:
    """One operating system process for each job, of the ``multiprocessing`` module.

    ``compiler``: see :func:`trainer.executors.forkserver.prepare`.
    """

    def __init__(self, *, compiler: bool = True) -> None:
        self.method = start_method()
        self.context: Any = multiprocessing.get_context(self.method)
        self.processes: dict[str, BaseProcess] = {}
        self.idle: list[tuple[BaseProcess, Connection]] = []
        prepare(compiler=compiler)

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
            end()


def in_words(status: int) -> str:
    """How a process ended: "its process was killed (SIGKILL)"."""
    if status >= 0:
        return f"its process ended with status {status}"
    try:
        return f"its process was killed ({signal.Signals(-status).name})"
    except ValueError:
        return f"its process was killed (signal {-status})"
