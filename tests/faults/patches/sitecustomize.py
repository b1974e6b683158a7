"""What a fault needs inside every process of a worker: Python imports this file when it starts.

With this folder on PYTHONPATH, ``TRICKBOARD_FAULTS`` is JSON that says what is to be different:

- ``set``: attributes by their dotted names, such as ``{"trainer.queue.LEASE": 2.0}``
- ``clock``: a file with the seconds by which the clock is wrong, read at every look at the clock
- ``acks``: a folder in which each process writes down which points the store has taken
"""

import importlib
import json
import os
import time
from pathlib import Path


def set_all(values):
    for name, value in values.items():
        module, _, attribute = name.rpartition(".")
        found = importlib.import_module(module)
        getattr(found, attribute)  # a name that is gone must not pass unseen
        setattr(found, attribute, value)


def bend_clock(file, real=time.time):
    """Linux tells when it was started by today's clock, and psutil when a process was by that."""
    from psutil import _psplatform as system

    def wrong():
        return float(file.read_text() or 0)

    time.time = lambda: real() + wrong()
    started = system.boot_time
    system.boot_time = lambda: started() + wrong()


def write_acks(folder):
    from trainer.queue import Queue

    def note(claim, batch):
        points = [list(point) for point in batch]
        line = {"run": claim.run.id, "attempt": claim.attempt, "points": points}
        with (folder / f"{os.getpid()}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    write_all, finish = Queue.write_all, Queue.finish

    def acknowledged(self, news):
        taken = write_all(self, news)
        for one in news:
            if one.claim.run.id in taken:
                note(one.claim, one.batch)
        return taken

    def finished(self, claim, batch=(), **named):
        told = [*batch]
        finish(self, claim, batch, **named)
        note(claim, told)

    Queue.write_all, Queue.finish = acknowledged, finished


faults = json.loads(os.environ.get("TRICKBOARD_FAULTS", "{}"))
if "clock" in faults:
    bend_clock(Path(faults["clock"]))
set_all(faults.get("set", {}))
if "acks" in faults:
    write_acks(Path(faults["acks"]))
