"""What the processes of runs do: train what was claimed; time steps; tell what there is."""

from __future__ import annotations

import faulthandler
import gc
import io
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from trainer.claiming import own_tricks
from trainer.executors.alone import alone
from trainer.executors.together import together
from trainer.executors.writer import Writer
from trainer.home import log_file
from trainer.queue import Fenced, Queue
from trainer.statements import FINAL
from trainer.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from trainer.claiming import Claim
    from trainer.experiment import Setup

TRIAL_STEPS = 40


def train_runs(
    path: str, claims: list[Claim], worker: str | None = None, experiment_id: str | None = None
) -> None:
    """Train claimed runs to their end, and then the next ones, as long as the supervisor watches.

    A process that has trained has all that a run of its kind needs: another one would spend a
    quarter of a second to get it. So it goes on where nothing was out of the
    ordinary, and leaves the rest to a new one; see ``Queue.go_on``. ``worker`` is the supervisor
    that watches, None: nobody does.
    """
    preloaded = "torch" in sys.modules
    store = Store(path)
    while claims:
        ordinary = train_claimed(store, claims, preloaded)
        if worker is None or not ordinary:
            return
        gc.collect()
        if claims[0].device.startswith("cuda"):
            give_back_gpu(claims[0].device)
        claims = Queue(store).go_on(claims[0], worker=worker, experiment_id=experiment_id)


def train_claimed(store: Store, claims: list[Claim], preloaded: bool) -> bool:
    """Train them; of several, seeds of one arm, together if that is quicker.

    The store learns how it went. Where they are not trained together, the first is and the others
    wait again, so that another slot may have them. Gives whether all went as it should, and without
    a trick of somebody's own, which may leave anything behind.
    """
    write_to_log(store, claims[0].run.id)
    writer = Writer(Queue(store), claims)
    for one in writer.accounts:
        one.log(f"\nattempt {one.claim.attempt} on {one.claim.device}, seed {one.claim.run.seed}")
        one.log(f"torch was {'' if preloaded else 'not '}loaded before")
    every = writer.accounts
    try:
        writer.start()
        together(writer) if len(writer.accounts) > 1 else alone(writer, writer.accounts[0])
    except Fenced as gone:
        print(gone, flush=True)
    writer.closed.set()
    return all(one.state in FINAL for one in every) and not own_tricks(claims[0].run.arm)


def give_back_gpu(device: str) -> None:
    """What the last runs had on it: another process may need it."""
    import torch

    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)


def write_to_log(store: Store, name: str) -> None:
    """From here on what this process prints is in the log of its run; Ctrl-C is not its affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log = os.open(log_file(store.home, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    sys.stdout = sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(Log(1, "w", closefd=False)),
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )
    faulthandler.enable(2)  # a crash tells where it happened


class Log(io.FileIO):
    """A log that lets a full disk pass: a run is not to fail because a line of its log is lost."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(memoryview(data).cast("B"))


def time_steps(path: str, kind: str, setup: Setup) -> None:
    """Measure the seconds of a step of the plain net, and write them to the store."""
    from trainer.experiment import Arm, Run

    store = Store(path)
    write_to_log(store, "trials")
    import torch

    from trainer.devices import choose, present
    from trainer.engine import train

    torch.set_num_threads(1)
    few = setup.model_copy(update={"epochs": None, "seconds": None, "steps": TRIAL_STEPS})
    run = Run(id="trial", setup=few, arm=Arm(name="baseline"), seed=0)
    device = choose(setup.device, present(), {}, 1)
    points = train(run, home=store.home, device=device or "cpu")
    while True:
        try:
            next(points)
        except StopIteration as end:
            Queue(store).timed(kind, end.value.seconds / max(1, end.value.steps))
            return


def report(pipe: Connection) -> None:
    """Tell which devices there are, and whether the imports were done before this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    preloaded = "torch" in sys.modules
    import torch

    from trainer.devices import present

    threads = torch.get_num_threads()
    try:
        pipe.send({"devices": present(), "preloaded": preloaded, "threads": threads})
    except BrokenPipeError:  # the supervisor ended meanwhile
        return
    pipe.close()


def wait_for_work(pipe: Connection) -> None:
    """Import what a run needs, then call the function that comes through the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import trainer.executors.warm  # noqa: F401

    try:
        call: Callable[..., None]
        call, args = pipe.recv()
    except EOFError:  # the supervisor is gone
        return
    pipe.close()
    call(*args)
