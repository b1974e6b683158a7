"""What the process of a run does: train, write its points, hear what is desired, end.

A thread writes every quarter of a second, so that the run stays this process's own while the
training is busy, and so that a wish to stop is heard.
"""

from __future__ import annotations

import faulthandler
import io
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

import psutil
from sqlalchemy.exc import DatabaseError

from trainer.experiment import identity
from trainer.home import log_file
from trainer.processes import birth
from trainer.queue import SMALLER, Claim, Fenced, Queue
from trainer.store import Store
from tricks import catalog
from tricks.own import version

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from multiprocessing.connection import Connection

    from trainer.engine import Outcome
    from trainer.experiment import Run, Setup
    from trainer.reading import Numbers

EVERY = 0.25  # seconds between batches
SIGN_OF_LIFE = 1.0  # seconds after which a write is due even without points
STOP_GRACE = {"stop": 1.0, "pause": 10.0}  # seconds the training has to leave by itself
STORE_GRACE = 60.0  # seconds for which a store that refuses (full disk, lock) is tried again
TRIAL_STEPS = 40
NO_ROOM = "the store takes nothing more, probably its disk is full: free some space"


def train_run(path: str, claim: Claim) -> None:
    """Train a claimed run to its end. The store at ``path`` learns how it went."""
    preloaded = "torch" in sys.modules
    store = Store(path)
    write_to_log(store, claim.run.id)
    print(f"\nattempt {claim.attempt} on {claim.device}, seed {claim.run.seed}", flush=True)
    print(f"torch was {'' if preloaded else 'not '}loaded before", flush=True)
    writer = Writer(Queue(store), claim)
    try:
        writer.start()
        if problem := other_tricks(claim.run):
            writer.end(state="failed", kind="error", text=problem)
            return
        import torch

        from trainer.engine import train
        from trainer.executors.keeper import Keeper, Left

        torch.set_num_threads(1)
        keeper = Keeper(writer)
        points = train(
            claim.run,
            home=store.home,
            device=claim.device,
            say=writer.say,
            saver=keeper,
            resume=keeper.resumed(claim.device),
        )
        try:
            outcome = follow(points, writer)
        except Left:
            writer.end(state=writer.left)
            return
        writer.end(
            state=outcome.state,
            steps=outcome.steps,
            seconds=outcome.seconds,
            metrics=outcome.metrics,
            report=outcome.report,
            text=outcome.text,
        )
        keeper.clear()
    except Fenced as gone:
        print(gone, flush=True)
    except (Exception, SystemExit) as error:  # sys.exit() in a trick of one's own is no end
        traceback.print_exc()
        sys.stderr.flush()
        kind, text = explain(error, writer.step)
        writer.end(state="failed", kind=kind, text=text)


def other_tricks(run: Run) -> str | None:
    """Why the tricks of one's own that this process finds are not those that were launched."""
    gone = [one.id for one in run.arm.tricks if one.id not in catalog()]
    if gone:
        return (
            f"this worker has no trick {' or '.join(gone)}: the file is gone or was broken, or the "
            "worker leaves tricks of one's own out"
        )
    own = [one.id for one in run.arm.tricks if version(catalog()[one.id])]
    if own and identity(run.setup, run.arm, run.seed) != run.id:
        return f"{' or '.join(own)} was edited after the launch; launch again to train it as it is"
    return None


def follow(points: Generator[Numbers, None, Outcome], writer: Writer) -> Outcome:
    """Hand the points on until the run ends by itself."""
    while True:
        try:
            writer.add(next(points))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


class Writer:
    """Collects the points of a run and writes them, from a thread of its own."""

    def __init__(self, queue: Queue, claim: Claim) -> None:
        self.queue = queue
        self.claim = claim
        self.stopped = threading.Event()  # it is to leave: for good, or for now
        self.desired = "run"
        self.closed = threading.Event()
        self.writing = threading.Lock()
        self.buffer: deque[Numbers] = deque()
        self.batch: list[Numbers] = []  # taken from the buffer, not yet in the store
        self.message: str | None = None
        self.said: str | None = None
        self.step = 0
        self.written = self.stop_seen = time.monotonic()
        self.thread = threading.Thread(target=self.keep_writing, daemon=True)

    def start(self) -> None:
        """Sign the run and begin to write.

        Raises:
            Fenced: it is too late.
        """
        born = birth(psutil.Process())
        self.insist(lambda: self.queue.begin(self.claim, os.getpid(), born))
        self.thread.start()

    def add(self, point: Numbers) -> None:
        self.buffer.append(point)
        self.step = point[0]
        self.message = None

    def say(self, text: str) -> None:
        """Tell what happens before the first step."""
        self.message = text

    def take(self) -> list[Numbers]:
        """All points that are not in the store yet."""
        while self.buffer:
            self.batch.append(self.buffer.popleft())
        return self.batch

    def keep_writing(self) -> None:
        while not self.closed.wait(EVERY):
            try:
                with self.writing:
                    if not self.closed.is_set():
                        self.write()
            except Fenced as gone:
                print(gone, flush=True)
                os._exit(0)
            except DatabaseError as refused:
                self.refused(refused, since=self.written)

    def write(self) -> None:
        now = time.monotonic()
        quiet = self.message == self.said and now - self.written < SIGN_OF_LIFE
        if not self.take() and quiet and not self.stopped.is_set():
            return
        desired = self.queue.write(self.claim, self.batch, message=self.message)
        self.batch, self.written, self.said = [], now, self.message
        if desired == "run":
            return
        self.desired = desired
        if not self.stopped.is_set():
            self.stop_seen = now
            self.stopped.set()
        elif now - self.stop_seen > STOP_GRACE[desired]:  # the training is in one long call
            self.queue.finish(self.claim, self.take(), state=self.left)
            os._exit(0)

    def insist(self, do: Callable[[], None]) -> None:
        """Do something with the store; if it refuses, again and again.

        Raises:
            Fenced: somebody else has the run.
        """
        begun = time.monotonic()
        while True:
            try:
                return do()
            except DatabaseError as refused:
                self.refused(refused, since=begun)
                time.sleep(EVERY)

    def refused(self, why: DatabaseError, *, since: float) -> None:
        """The disk is full, or the store is locked for very long.

        A sign of life alone may fit where points do not, and keeps the run this process's own.
        Whatever could not be written for too long is left to another process, and is no death.
        """
        print(f"the store refuses, trying again: {why.orig}", flush=True)
        try:
            if time.monotonic() - since > STORE_GRACE:
                self.queue.put_back(self.claim.run.id, self.claim.attempt)
            else:
                self.said = NO_ROOM
                self.queue.write(self.claim, message=NO_ROOM)
        except DatabaseError as again:
            print(f"nor does it take a sign of life: {again.orig}", flush=True)
        except Fenced as gone:
            print(gone, flush=True)
            os._exit(0)
        if time.monotonic() - since > STORE_GRACE:
            os._exit(1)

    @property
    def left(self) -> Literal["stopped", "paused"]:
        """What a run is that left as it was told."""
        return "paused" if self.desired == "pause" else "stopped"

    def saved(self, step: int) -> None:
        """The run has a checkpoint after ``step``, the last one whose points were added.

        Raises:
            Fenced: somebody else has the run.
        """
        with self.writing:
            self.insist(lambda: self.queue.saved(self.claim, self.take(), step))
            self.batch, self.written = [], time.monotonic()

    def end(self, **how: Any) -> None:
        """Write the last points and how the run ended."""
        self.closed.set()
        with self.writing:
            try:
                self.insist(lambda: self.queue.finish(self.claim, self.take(), **how))
            except Fenced as gone:
                print(gone, flush=True)


def explain(error: Exception | SystemExit, step: int) -> tuple[str, str]:
    """The kind of a failure and one sentence about it; the traceback is in the log."""
    import torch

    from trainer.datasets import DataError

    if isinstance(error, DataError):
        return "data", str(error)
    text = str(error).strip()
    allocator = isinstance(error, RuntimeError) and "can't allocate memory" in text
    if allocator or isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "out_of_memory", f"out of memory at step {step}: {SMALLER}"
    if isinstance(error, SystemExit):
        return "error", f"sys.exit({text}) at step {step}: a trick has no need to end its process"
    first = text.splitlines()[0] if text else "no reason given"
    return "error", f"{type(error).__name__} at step {step}: {first}"


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
