"""Writes what the runs of a process tell into the store, and hears what is desired of them.

One thread writes for all of them every quarter of a second, in one transaction: so the runs stay
this process's own while the training is busy, and a wish to stop is heard.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import psutil
from sqlalchemy.exc import DatabaseError

from trainer.home import log_file
from trainer.processes import Footprint, birth, footprint
from trainer.queue import Fenced, News, Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trainer.claiming import Claim
    from trainer.reading import Numbers

T = TypeVar("T")

EVERY = 0.25  # seconds between batches
SIGN_OF_LIFE = 1.0  # seconds after which a write is due even without points
STOP_GRACE = {"stop": 1.0, "pause": 10.0}  # seconds the training has to leave by itself
WEIGH_EVERY = 5.0  # seconds between two looks at the memory, each some thousandths long
STORE_GRACE = 60.0  # seconds for which a store that refuses (full disk, lock) is tried again
NO_ROOM = "the store takes nothing more, probably its disk is full: free some space"


class Account:
    """What one run has to tell, and what it was told."""

    def __init__(self, queue: Queue, claim: Claim) -> None:
        self.queue = queue
        self.claim = claim
        self.stopped = threading.Event()  # it is to leave: for good, or for now
        self.lost = False  # another attempt has the run, or it was deleted
        self.over = False  # nothing is written any more
        self.desired = "run"
        self.buffer: deque[Numbers] = deque()
        self.batch: list[Numbers] = []  # taken from the buffer, not yet in the store
        self.message: str | None = None
        self.said: str | None = None
        self.step = 0
        self.state = "running"  # as it was ended here
        self.stop_seen = 0.0

    def add(self, point: Numbers) -> None:
        self.buffer.append(point)
        self.step = point[0]
        self.message = None

    def take(self) -> list[Numbers]:
        """All points that are not in the store yet."""
        while self.buffer:
            self.batch.append(self.buffer.popleft())
        return self.batch

    def hear(self, desired: str, now: float) -> None:
        if desired == "run":
            return
        self.desired = desired
        if not self.stopped.is_set():
            self.stop_seen = now
            self.stopped.set()

    def deaf(self, now: float) -> bool:
        """Whether it has not left though it was told to: the training is in one long call."""
        return self.stopped.is_set() and now - self.stop_seen > STOP_GRACE[self.desired]

    @property
    def left(self) -> Literal["stopped", "paused"]:
        """What a run is that left as it was told."""
        return "paused" if self.desired == "pause" else "stopped"

    def log(self, text: str) -> None:
        """A line in the run's own log; a full disk is no reason for a run to fail."""
        file = log_file(self.queue.store.home, self.claim.run.id)
        with suppress(OSError), file.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{text}\n")


class Writer:
    """The one who writes for all runs of this process."""

    def __init__(self, queue: Queue, claims: Iterable[Claim]) -> None:
        self.queue = queue
        self.accounts = [Account(queue, claim) for claim in claims]
        self.writing = threading.Lock()
        self.telling = threading.Lock()  # of all runs at once that they are to leave
        self.closed = threading.Event()
        self.written = self.weighed = time.monotonic()
        self.footprint: Footprint | None = None
        self.thread = threading.Thread(target=self.keep_writing, daemon=True)

    @property
    def open(self) -> list[Account]:
        return [one for one in self.accounts if not one.over]

    def start(self) -> None:
        """Sign the runs and begin to write.

        Raises:
            Fenced: it is too late for all of them.
        """
        claims = [one.claim for one in self.accounts]
        born = birth(psutil.Process())
        signed = self.insist(lambda: self.queue.begin_all(claims, os.getpid(), born))
        ours = {one.run.id for one in signed}
        for one in self.accounts:
            if one.claim.run.id not in ours:
                self.lose(one)
        if not ours:
            raise Fenced("none of its runs is this process's any more")
        self.accounts = self.open
        self.thread.start()

    def told_to_leave(self) -> frozenset[Account]:
        """The runs that the training has to let go, those that it has let go among them."""
        with self.telling:
            return frozenset(one for one in self.accounts if one.stopped.is_set() or one.lost)

    def say(self, text: str) -> None:
        """Tell what happens before the first step."""
        for one in self.open:
            one.message = text

    def keep_writing(self) -> None:
        while not self.closed.wait(EVERY):
            try:
                with self.writing:
                    self.write()
            except DatabaseError as refused:
                self.refused(refused, since=self.written)

    def write(self) -> None:
        now, accounts = time.monotonic(), self.open
        for one in accounts:
            one.take()
        told = any(one.batch or one.message != one.said for one in accounts)
        wait = any(one.stopped.is_set() for one in accounts)
        if not accounts or not (told or wait or now - self.written >= SIGN_OF_LIFE):
            return
        weight = self.weight()
        news = [
            News(claim=one.claim, batch=one.batch, message=one.message, footprint=weight)
            for one in accounts
        ]
        desired = self.queue.write_all(news)
        self.written = now
        with self.telling:
            for one, had in zip(accounts, news, strict=True):
                one.batch, one.said = [], had.message
                if one.claim.run.id in desired:
                    one.hear(desired[one.claim.run.id], now)
                else:
                    self.lose(one)
        for one in self.open:
            if one.deaf(now):
                self.leave_at_once(one)
        if not self.open:
            os._exit(0)

    def weight(self, *, now: bool = False) -> Footprint | None:
        """What this process has for itself, looked at now and then; None: not yet.

        A process of a second is looked at once, when its first run ends.
        """
        late = time.monotonic() - self.weighed
        if late > WEIGH_EVERY or (now and (self.footprint is None or late > EVERY)):
            self.footprint = footprint(self.accounts[0].claim.device)
            self.weighed = time.monotonic()
        return self.footprint

    def insist(self, do: Callable[[], T]) -> T:
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

        A sign of life alone may fit where points do not, and keeps the runs this process's own.
        Whatever could not be written for too long is left to another process, and is no death.
        """
        for one in self.open:
            one.log(f"the store refuses, trying again: {why.orig}")
        if self.closed.is_set():  # this process trains others by now
            return
        late = time.monotonic() - since > STORE_GRACE
        try:
            if late:
                self.queue.give_back([one.claim for one in self.open])
            else:
                self.sign(NO_ROOM)
        except DatabaseError as again:
            for one in self.open:
                one.log(f"nor does it take a sign of life: {again.orig}")
        if late:
            os._exit(1)
        if not self.open:
            os._exit(0)

    def sign(self, message: str) -> None:
        """A sign of life without points."""
        accounts = self.open
        desired = self.queue.write_all([News(claim=one.claim, message=message) for one in accounts])
        for one in accounts:
            one.said = message
            if one.claim.run.id not in desired:
                self.lose(one)

    def lose(self, one: Account) -> None:
        """Somebody else has this run: nothing of it is written any more, and it is to leave."""
        one.log(f"attempt {one.claim.attempt} of {one.claim.run.id} is over")
        one.lost = one.over = True

    def leave_at_once(self, one: Account) -> None:
        """The run ends as it was told, without the training, which may be in one long call.

        It has lost it then: the others go on, and where there are none this process ends.
        """
        try:
            self.queue.finish(one.claim, one.take(), state=one.left)
        except Fenced as gone:
            one.log(str(gone))
        one.lost = one.over = True

    def saved(self, one: Account, step: int) -> None:
        """A run has a checkpoint after ``step``, the last one whose points were added.

        Raises:
            Fenced: somebody else has the run.
        """
        with self.writing:
            if one.lost:
                raise Fenced(f"attempt {one.claim.attempt} of {one.claim.run.id} is over")
            self.insist(lambda: self.queue.saved(one.claim, one.take(), step))
            one.batch = []

    def end(self, one: Account, **how: Any) -> None:
        """Write a run's last points and how it ended."""

        with self.writing:
            if not one.over:
                try:
                    how["footprint"] = self.weight(now=True)
                    self.insist(lambda: self.queue.finish(one.claim, one.take(), **how))
                    one.state = how["state"]
                except Fenced as gone:
                    one.log(str(gone))
                one.over = True
            if not self.open:
                self.closed.set()

    def alone(self, one: Account) -> None:
        """Of the runs of this process only this one is left, and trained as any other."""
        with self.writing:
            born = birth(psutil.Process())
            claims = [one.claim]
            if not self.insist(lambda: self.queue.begin_all(claims, os.getpid(), born)):
                self.lose(one)
                raise Fenced(f"attempt {one.claim.attempt} of {one.claim.run.id} is over")

    def give_back(self, some: Sequence[Account], *, alone: bool) -> None:
        """Have runs wait again that this process does not train any more."""
        with self.writing:
            left = [one for one in some if not one.over]
            self.insist(lambda: self.queue.give_back([one.claim for one in left], alone=alone))
            for one in left:
                one.over = True
            if not self.open:
                self.closed.set()
