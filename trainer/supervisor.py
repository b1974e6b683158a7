"""The supervisor owns the processes of the runs: it claims, starts, watches and stops them.

One for a store, guarded by a lock file and a row in the store. It may be killed at any time: the
runs go on without it, each process renewing the leases of its runs, and the next supervisor adopts
them. A slot is a process; it may train several seeds of an arm together, and when they are done it
takes the next runs by itself (``Queue.go_on``) as long as a supervisor watches. A run that is told
to leaves the others by itself; where a process must be killed because of one of its runs, the
others wait again and it is no death of theirs.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil
from sqlalchemy.exc import OperationalError

from trainer.devices import ALWAYS, choose, cores, missing, places
from trainer.executors.base import Ended, Job
from trainer.leftovers import clear
from trainer.portions import soon_free
from trainer.processes import birth, end_process, is_alive, is_halted
from trainer.queue import LEASE, Claim, Fenced, Queue, Running

if TYPE_CHECKING:
    from trainer.executors.base import Executor
    from trainer.store import Store

log = logging.getLogger(__name__)

TICK = 0.05
BEAT = 1.0  # seconds between the supervisor's own signs of life
STOP_GRACE = {"stop": 1.5, "pause": 12.0}  # seconds after which a run that should leave is killed
GONE_GRACE = 3.0  # the same for a process whose run is over or another's
ASLEEP = 5.0  # a tick later than this: the machine slept, and so did the runs
LINGER = 60.0  # seconds without work and without a page after which the supervisor ends
RUNS_PER_GPU = 2  # processes
TRIAL_SECONDS = 60.0
STORE_GRACE = 60.0  # seconds for which a store that refuses is tried again


class Supervisor:
    """Call :meth:`tick` until it gives False, then :meth:`close`; or :meth:`run` for all that.

    Whoever makes one holds the lock of the store. ``experiment_id`` limits it to the runs of one
    experiment: what ``python -m trainer run`` does.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        *,
        slots: int | None = None,
        linger: float = LINGER,
        experiment_id: str | None = None,
    ) -> None:
        self.store = store
        self.queue = Queue(store)
        self.executor = executor
        self.slots = slots or cores()
        self.each_gpu = slots or RUNS_PER_GPU
        self.linger = linger
        self.experiment_id = experiment_id
        self.id = uuid4().hex[:16]
        self.ended: list[Ended] = []  # what poll has told and is not dealt with yet
        self.devices: tuple[str, ...] | None = None
        self.ready = False
        self.ending = False
        self.children: dict[str, list[Claim]] = {}  # by the key of their job
        self.over: dict[str, float] = {}  # children that lost their run, and since when
        self.trial: tuple[str, float] | None = None  # kind, since
        self.last_tick = self.last_work = time.time()
        self.last_round = time.monotonic()
        self.watched: list[Running] = []  # as they were last read
        self.last_beat = self.sweep_from = 0.0

    def run(self) -> None:
        """Work until there is nothing left to do, nobody looks, or somebody says to end."""
        self.begin()
        try:
            while self.tick_or_wait():
                time.sleep(TICK if self.children else 2 * TICK)
        finally:
            self.close()

    def tick_or_wait(self) -> bool:
        """A round; while the store refuses (full disk, lock), none, and it is tried again."""
        try:
            going_on = self.tick()
        except OperationalError as refused:
            log.info(f"the store refuses: {refused.orig}")
            self.end_stopped()
            if time.monotonic() - self.last_round > STORE_GRACE:
                raise
            # The runs were refused, too: once they can write again, let them renew their leases.
            self.sweep_from = time.time() + ASLEEP
            time.sleep(1.0)
            return True
        self.last_round = time.monotonic()
        return going_on

    def begin(self) -> None:
        me = psutil.Process()
        self.queue.enter(self.id, pid=me.pid, created=birth(me), slots=self.slots)
        log.info(
            f"supervisor {self.id}, process {me.pid}, {self.slots} at a time, {self.store.path}"
        )
        clear(self.queue)
        # While there was no supervisor the machine may have slept, and its clock may have been set.
        self.sweep_from = time.time() + ASLEEP
        threading.Thread(target=self.warm, daemon=True).start()

    def warm(self) -> None:
        """Get the executor ready and learn which devices there are; runs beside the ticks."""
        begun = time.time()
        try:
            found = self.executor.warm()
            self.devices = tuple(found["devices"])
            early = "before" if found["preloaded"] else "NOT before"
            log.info(
                f"ready after {time.time() - begun:.1f} s; torch was loaded {early} the process, "
                f"{found['threads']} thread, devices: {', '.join(self.devices)}"
            )
        except (OSError, EOFError) as error:
            log.info(f"the executor did not get warm: {error}")
            self.devices = ALWAYS
        self.ready = True

    def tick(self) -> bool:
        """One round. False: it is time to close."""
        now = time.time()
        if jumped(now - self.last_tick):
            self.time_anew(now)
        self.last_tick = now
        self.reap()
        running = self.watched = self.queue.running()
        if jumped(time.time() - now):  # what was read is of another time than ``now``
            return not self.ending
        self.sweep(running, now)
        for id in self.store.settle(self.experiment_id):
            log.info(f"{id}: its trials are over, its runs wait")
        if self.ready:
            self.claim(running)
        if now - self.last_beat > BEAT:
            self.last_beat = now
            self.beat(len({one.process for one in running}), now)
        return not self.ending

    def time_anew(self, now: float) -> None:
        """The machine slept, or its clock was set: what was timed by it says nothing any more."""
        log.info(f"the clock jumped by {now - self.last_tick:+.0f} s")
        self.sweep_from = now + ASLEEP  # let the runs renew their leases first
        self.last_beat, self.last_work = 0.0, now
        self.over = dict.fromkeys(self.over, now)
        if self.trial is not None:
            self.trial = (self.trial[0], now)

    def beat(self, busy: int, now: float) -> None:
        """What is done once a second: a sign of life, a trial if it is idle, the end."""
        state = "ready" if self.ready else "starting"
        self.queue.beat(self.id, busy=busy, state=state, devices=self.devices)
        if self.ready and self.experiment_id is None:
            self.time_steps(now, idle=not self.children)
        if busy or self.children or self.trial or not self.ready:  # getting warm is work, too
            self.last_work = now
        page = self.queue.page_seen_at()
        seen = max(self.last_work, page if page < now + BEAT else 0.0)  # none is seen in the future
        self.ending |= now - seen > self.linger or self.queue.end_asked(self.id)

    # Processes that end.

    def reap(self) -> None:
        """Put back the runs whose process ended without ending them."""
        self.ended += self.executor.poll()
        while self.ended:
            ended = self.ended[0]
            claims = self.children.get(ended.key)
            if claims is None:
                self.trial_over(ended.how)
            else:
                self.lost(claims, ended)
            self.children.pop(ended.key, None)
            self.over.pop(ended.key, None)
            self.ended.pop(0)  # only now: the store may have refused

    def lost(self, claims: list[Claim], ended: Ended) -> None:
        """Put runs back, unless their process had ended them or lives after all.

        A fork server that died tells nothing true: then they live and are adopted.
        """
        for one in self.queue.running():
            if one.process == claims[0].stack and not is_alive(one.pid, one.pid_created):
                log.info(f"{key_of(one.id, one.attempt)}: {ended.how}")
                self.queue.died(one.id, one.attempt, ended.how)

    def sweep(self, running: list[Running], now: float) -> None:
        """End what must end: stopped, frozen, lost and dead runs, ours and adopted ones."""
        theirs = {one.process for one in running}
        keys = {claims[0].stack: key for key, claims in self.children.items()}
        for stack, key in keys.items():
            if stack in theirs:
                self.over.pop(key, None)
            elif now - self.over.setdefault(key, now) > GONE_GRACE:
                self.executor.stop(key)
        killed: set[str] = set()  # processes
        for one in running:
            ours = one.process in keys
            coming_up = ours and one.pid is None  # a cold disk may need long; poll tells its end
            held = now <= one.lease_until <= now + 2 * LEASE  # later: the clock was set back
            timely = now > self.sweep_from  # else what the clock says of them means nothing yet
            frozen = timely and not held and not coming_up
            grace, asked = STOP_GRACE.get(one.desired), one.stop_at
            unheard = timely and grace and asked is not None and not -BEAT < now - asked < grace
            if frozen or unheard:
                if one.pid is None and not ours and not frozen:
                    continue  # its process has not come up yet
                self.end(one, keys)
                killed.add(one.process)
                self.queue.died(one.id, one.attempt, "its process gave no sign of life")
            elif not ours and one.pid is not None and not is_alive(one.pid, one.pid_created):
                log.info(f"{key_of(one.id, one.attempt)}: its process is gone")
                self.queue.died(one.id, one.attempt, "its process was gone")
        for one in running:
            if one.process in killed:  # changes only those that nothing was wrong with
                self.queue.put_back(one.id, one.attempt)

    def end_stopped(self) -> None:
        """End the processes that are halted (SIGSTOP): they may have the store locked for ever."""
        keys = {claims[0].stack: key for key, claims in self.children.items()}
        for one in self.watched:
            if is_halted(one.pid, one.pid_created):
                log.info(f"{key_of(one.id, one.attempt)}: its process is halted, it was ended")
                self.end(one, keys)

    def end(self, one: Running, keys: dict[str, str]) -> None:
        """Kill a run's process; ``keys`` are the jobs of those that are ours."""
        if one.process in keys:
            self.executor.stop(keys[one.process])
        end_process(one.pid, one.pid_created)

    # Processes that begin.

    def claim(self, running: list[Running]) -> None:
        """Start waiting runs while there is room, in the order in which they were asked for."""
        processes = {one.process: one for one in running}
        busy = Counter(one.device for one in processes.values())
        children = {claims[0].stack for claims in self.children.values()}
        leaving = children - processes.keys()  # nothing runs in them any more
        room = self.slots - len(children | processes.keys())
        soon = soon_free(running) + len(leaving)
        devices = self.devices or ALWAYS
        for wish in self.queue.wishes(self.experiment_id) if room > 0 else []:
            while room > 0:
                lacks = missing(wish, devices)
                device = wish if lacks else choose(wish, devices, busy, self.each_gpu)
                if device is None:
                    break
                free = min(room, places(wish, devices, busy, self.each_gpu) or room)
                claims = self.queue.claim_together(
                    self.id, wish, device, self.experiment_id, room=free + soon
                )
                if not claims:
                    break
                if lacks:
                    self.refuse(claims, lacks)
                    continue
                self.start(claims)
                busy[device] += 1
                room -= 1

    def start(self, claims: list[Claim]) -> None:
        """One process for runs that were claimed together."""
        from trainer.executors.process import train_runs

        key = key_of(claims[0].run.id, claims[0].attempt)
        try:
            args = (str(self.store.path), claims, self.id, self.experiment_id)
            self.executor.start(Job(key=key, call=train_runs, args=args))
        except (OSError, EOFError) as error:  # no memory or no processes left
            log.info(f"{key}: its process could not be started: {error}")
            for claim in claims:
                how = f"its process did not start ({error})"
                self.queue.died(claim.run.id, claim.attempt, how)
            return
        self.children[key] = claims

    def refuse(self, claims: list[Claim], reason: str) -> None:
        for claim in claims:
            try:
                self.queue.finish(claim, state="failed", kind="error", text=reason)
            except Fenced:
                log.info(f"{claim.run.id} was deleted")

    # Trials.

    def time_steps(self, now: float, *, idle: bool) -> None:
        """Measure how long a step takes, for a page that wants to say how long runs will take."""
        from trainer.executors.process import time_steps

        if self.trial is not None:
            if now - self.trial[1] > TRIAL_SECONDS:
                self.executor.stop("trial")
            return
        asked = self.queue.next_trial() if idle else None
        if asked is None:
            return
        self.trial = (asked[0], now)
        self.executor.start(Job(key="trial", call=time_steps, args=(str(self.store.path), *asked)))

    def trial_over(self, how: str) -> None:
        if self.trial is not None:
            self.queue.timed(self.trial[0], None)  # changes nothing if the trial has written
            log.info(f"trial {self.trial[0]}: {how}")
            self.trial = None

    def close(self) -> None:
        """End every process and have its run wait for the next supervisor."""
        try:
            running = self.queue.running()
            keys = {claims[0].stack: key for key, claims in self.children.items()}
            for one in running:
                self.end(one, keys)
        finally:  # whatever the store says, none of ours is left behind
            self.executor.close()
        for one in running:
            self.queue.put_back(one.id, one.attempt)
        self.queue.leave(self.id)
        log.info(f"ended; {len(running)} runs wait for the next one")


def jumped(seconds: float) -> bool:
    """Whether something stood still between two looks at the clock, or it was set."""
    return not -BEAT < seconds < ASLEEP


def key_of(run_id: str, attempt: int) -> str:
    return f"{run_id}/{attempt}"
