"""The training loop of several runs that differ in their seeds, as one program.

It reads as :func:`trainer.engine.train` does, moment by moment. What no trick of the arm changes is
done for all networks at once; what a trick changes, each run's own instance changes for it.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from trainer import reports
from trainer.engine import FLUSH, Outcome
from trainer.experiment import identity
from trainer.grid import evaluation_steps
from trainer.provenance import KEY, made_with
from trainer.record import Diverged, Point
from trainer.stacking import stackable
from trainer.stacking.clock import Shared
from trainer.stacking.member import Member
from trainer.stacking.numbers import Numbers
from trainer.stacking.rows import Unequal
from trainer.stacking.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from trainer.engine import Saver
    from trainer.experiment import Run

    What = tuple[int, Point | Outcome | Exception]


def train_together(
    runs: Sequence[Run],
    *,
    home: Path,
    device: str,
    say: Callable[[str], None],
    savers: Sequence[Saver | None],
    resumes: Sequence[Mapping[str, Any] | None],
) -> Generator[What, None, None]:
    """See :func:`trainer.stacking.train_together`."""
    refuse(runs, device)
    first = one_step(resumes)
    clock, numbers = Shared(device), Numbers()
    members: list[Member] = []
    for at, run in enumerate(runs):
        try:
            member = Member(at, run, clock, home=home, device=device, say=say)
            member.begin()
            if given := resumes[at]:
                member.resume(given)
            members.append(member)
        except Exception as error:  # of a hook, of its data, of its checkpoint: it ends this run
            yield at, error
    if not members:
        return
    setup, stack = members[0].setup, Stack(members)
    clock.share(len(members))
    clock.steps = first
    due = evaluation_steps(setup, members[0].work, members[0].task.judged)

    def without(gone: Iterable[Member]) -> None:
        """Go on with the others."""
        nonlocal stack
        left = [(m, one) for m, one in enumerate(stack.members) if one not in gone]
        stack.settle()
        numbers.keep([m for m, _ in left])
        clock.share(len(left))
        stack.members = [one for _, one in left]
        if left:
            stack = Stack(stack.members)

    def part() -> Iterator[What]:
        """Runs whose tricks raised something end here."""
        gone = [member for member in stack.members if member.error]
        if gone:
            without(gone)
        for member in gone:
            assert member.error is not None
            yield member.at, member.error

    def flush(step: int) -> Iterator[What]:
        points, gone = numbers.flush(stack.members, step)
        yield from points
        if gone:
            without([member for member, _ in gone])
        for member, end in gone:
            yield member.at, diverged(member, end)

    def evaluate(step: int) -> Iterator[What]:
        gone = []
        for member, found, beside in stack.judged(trained=step > 0):
            member.last.update(found)
            if not math.isfinite(found["test_loss"]):
                gone.append(member)
                continue
            values = member.last | {"seconds": member.seconds} | beside
            if step:
                values["samples_per_second"] = step * setup.batch_size / member.seconds
            for key, value in values.items():
                yield member.at, Point(step, key, value)
        if gone:
            without(gone)
        for member in gone:
            yield member.at, diverged(member, Diverged(step))
        yield from part()

    def save(step: int) -> Iterator[What]:
        """Hand checkpoints to those who want one; who raises something leaves."""
        wants = [member for member in stack.members if wanted(savers[member.at])]
        if not wants:
            return
        with clock.paused():
            yield from flush(step)
            stack.settle()
            for member in wants:
                saver = savers[member.at]
                if saver is not None and member in stack.members:
                    with member.trying():
                        saver.save(partial(member.snapshot, step))
            yield from part()

    if not first:
        yield from evaluate(0)
    clock.start()
    for step in count(first + 1):
        if not stack.members:
            return
        rates = stack.rates(step)
        x, y = stack.batch()
        losses, norms = stack.closure(x, y)
        stack.optimizer.step(rates)
        numbers.step(losses, norms, rates)
        clock.steps = step
        stack.after(step)
        yield from part()

        over = step == setup.total_steps
        judge = over or due(step, 0.0)
        if judge or numbers.age() > FLUSH:
            with clock.paused():
                yield from flush(step)
                if judge and stack.members:
                    yield from evaluate(step)
        if over:
            break
        yield from save(step)
    clock.stop()
    for member in stack.members:
        yield member.at, ended(member, step)


def refuse(runs: Sequence[Run], device: str) -> None:
    """Raise ``Unequal`` for runs that a look at their experiments tells cannot be stacked."""
    one = runs[0]
    if len({identity(run.setup, run.arm, 0) for run in runs}) > 1:
        raise Unequal("they differ in more than their seeds")
    if reason := stackable(one.setup, one.arm):
        raise Unequal(reason)
    if device == "mps":
        raise Unequal("their layers cannot each draw numbers of their own on this device")


def one_step(resumes: Sequence[Mapping[str, Any] | None]) -> int:
    """The step after which all of them stand; 0 for runs that begin.

    Raises:
        Unequal: they stand at different steps.
    """
    steps = {0 if one is None else int(one["step"]) for one in resumes}
    if len(steps) > 1:
        told = ", ".join(map(str, sorted(steps)))
        raise Unequal(f"they stand at different steps ({told}); train each of them alone")
    return steps.pop()


def wanted(saver: Saver | None) -> bool:
    return saver is not None and saver.wanted()


def diverged(member: Member, end: Diverged) -> Outcome:
    return Outcome(
        state="diverged",
        steps=end.step,
        seconds=member.seconds,
        metrics={},
        text=str(end),
        report={KEY: made_with(member.device)},
    )


def ended(member: Member, step: int) -> Outcome | Exception:
    """How a run ended that came to its last step, or what its tricks raised then."""
    try:
        member.network.eval()
        metrics = member.task.final(member.predictor(), member.last)
        found = reports.report(member.network, member.task, member.tricks)
    except Exception as error:
        return error
    metrics["samples_per_second"] = step * member.setup.batch_size / member.seconds
    metrics |= found.metrics
    told = found.data | {KEY: made_with(member.device)}
    return Outcome(state="done", steps=step, seconds=member.seconds, metrics=metrics, report=told)
