"""Trains several runs of this process, seeds of one arm, as one program.

Each has its own points, checkpoints, wishes and end, and leaves the others by itself. What goes
wrong in here may be the fault of training together. So a run that fails among others, and all of
them when what fails is the whole, wait again to be trained alone from their checkpoints, and no
death is counted: what is wrong with a run itself ends it there, and is told as ever.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from trainer.executors.alone import alone, ending, other_tricks
from trainer.queue import Fenced
from trainer.rows import kind_of, tricks_of
from trainer.stacking import train_together, worth
from trainer.statements import went_together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.executors.keeper import Keeper
    from trainer.executors.writer import Account, Writer


WORTH: set[tuple[str, str, str]] = set()  # what this process knows: kind, tricks, device


def together(writer: Writer) -> None:
    """Train the runs of a writer together, or the first of them if that is no quicker."""
    for one in writer.open:
        if problem := other_tricks(one.claim.run):
            writer.end(one, state="failed", kind="error", text=problem)
    if not writer.open:
        return
    try:
        quicker = is_worth(writer)
        if quicker:
            train(writer)
    except (Exception, SystemExit) as error:  # sys.exit() in a trick of one's own is no end
        whole_failed(writer, error)
        return
    if not quicker:
        first, *others = writer.open
        claims = [one.claim for one in writer.open]
        writer.insist(lambda: writer.queue.apart(claims))
        for one in others:
            one.log("it is no quicker together with others here; this run waits for its own turn")
        writer.give_back(others, alone=True)
        writer.alone(first)
        alone(writer, first)


def is_worth(writer: Writer) -> bool:
    import torch

    torch.set_num_threads(1)
    runs = [one.claim.run for one in writer.open]
    device = writer.open[0].claim.device
    if len(runs) < 2:
        return False
    same = kind_of(runs[0].setup), tricks_of(runs[0].arm), device
    if same in WORTH:
        return True
    with writer.queue.store.reads.connect() as db:
        if went_together(db, *same):  # somebody has measured it
            WORTH.add(same)
            return True
    where: dict[str, Any] = {"home": writer.queue.store.home, "device": device}
    # While the machine does something else a measurement may say no, but hardly twice.
    found = worth(runs, **where) or worth(runs, **where)
    if found:
        WORTH.add(same)
    return found


def train(writer: Writer) -> None:
    """Train them until none is left.

    Raises:
        Exception: something that concerns all; those that were not over are still open.
    """
    from trainer.engine import Outcome

    keepers, resumes = prepared(writer)
    runs = [keeper.account.claim.run for keeper in keepers]
    first = keepers[0].account.claim
    for keeper in keepers:
        seeds = ", ".join(str(run.seed) for run in runs)
        keeper.account.log(
            f"trained together with others, {len(runs)} runs in one process: seeds {seeds}; what "
            f"the process prints is in the log of {first.run.id}"
        )
    for i, told in train_together(
        runs,
        home=writer.queue.store.home,
        device=first.device,
        say=writer.say,
        savers=keepers,
        resumes=resumes,
    ):
        account = keepers[i].account
        if account.over:  # it has left: it is another process's, with its checkpoint
            continue
        if isinstance(told, tuple):
            account.add(told)
        elif isinstance(told, Outcome):
            writer.end(account, **ending(told, stacked=len(runs)))
            keepers[i].clear()
        else:
            leave(writer, account, told)
    if writer.open:
        raise RuntimeError(f"{len(writer.open)} of {len(runs)} runs have no end")


def prepared(writer: Writer) -> tuple[list[Keeper], list[Mapping[str, Any] | None]]:
    """Keepers and checkpoints of the runs that begin at the same step; the others wait again."""
    from trainer.executors.keeper import Keeper, Pace

    pace, accounts = Pace(), writer.open
    keepers = [Keeper(one, writer, pace) for one in accounts]
    resumes: list[Mapping[str, Any] | None] = [
        one.resumed(one.account.claim.device) for one in keepers
    ]
    if any(resumes) and not all(resumes):  # a checkpoint was damaged
        writer.give_back(
            [one for one, had in zip(accounts, resumes, strict=True) if had is None], alone=False
        )
        keepers = [one for one, had in zip(keepers, resumes, strict=True) if had is not None]
        resumes = [had for had in resumes if had is not None]
    return keepers, resumes


def leave(writer: Writer, account: Account, why: Exception) -> None:
    """One run leaves the others: it was told to, it is another's, or it failed."""
    from trainer.executors.keeper import Left

    if isinstance(why, Left):
        writer.end(account, state=account.left)
    elif isinstance(why, Fenced):
        account.log(str(why))
    else:
        account.log("".join(traceback.format_exception(why)))
        account.log("it failed among others, and waits to be trained alone from its checkpoint")
        writer.give_back([account], alone=True)


def whole_failed(writer: Writer, error: Exception | SystemExit) -> None:
    """What failed concerns all of them: each is trained alone."""
    text = "".join(traceback.format_exception(error))
    for one in writer.open:
        one.log(text)
        one.log("the runs of this process failed together; this one waits to be trained alone")
    writer.give_back(writer.open, alone=True)
