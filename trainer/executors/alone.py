"""Trains one run of this process to its end, whatever that is."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from trainer.experiment import identity
from trainer.queue import SMALLER, Fenced
from tricks import catalog
from tricks.own import version

if TYPE_CHECKING:
    from collections.abc import Generator

    from trainer.engine import Outcome
    from trainer.executors.writer import Account, Writer
    from trainer.experiment import Run
    from trainer.reading import Numbers


def alone(writer: Writer, account: Account) -> None:
    """Train one run to its end."""
    claim = account.claim
    try:
        if problem := other_tricks(claim.run):
            writer.end(account, state="failed", kind="error", text=problem)
            return
        import torch

        from trainer.engine import train
        from trainer.executors.keeper import Keeper, Left

        torch.set_num_threads(1)
        keeper = Keeper(account, writer)
        points = train(
            claim.run,
            home=writer.queue.store.home,
            device=claim.device,
            say=writer.say,
            saver=keeper,
            resume=keeper.resumed(claim.device),
        )
        try:
            outcome = follow(points, account)
        except Left:
            writer.end(account, state=account.left)
            return
        writer.end(account, **ending(outcome))
        keeper.clear()
    except Fenced as gone:
        account.log(str(gone))
    except (Exception, SystemExit) as error:  # sys.exit() in a trick of one's own is no end
        account.log(traceback.format_exc())
        kind, text = explain(error, account.step)
        writer.end(account, state="failed", kind=kind, text=text)


def ending(outcome: Outcome, **beside: Any) -> dict[str, Any]:
    """What the store is told of a run that ended by itself."""
    return {
        "state": outcome.state,
        "steps": outcome.steps,
        "seconds": outcome.seconds,
        "metrics": outcome.metrics,
        "report": {**outcome.report, **beside},
        "text": outcome.text,
    }


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


def follow(points: Generator[Numbers, None, Outcome], account: Account) -> Outcome:
    """Hand the points on until the run ends by itself."""
    while True:
        try:
            account.add(next(points))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


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
