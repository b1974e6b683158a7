"""How many equal runs one process trains together: as many as leave no core idle.

Seeds of an arm are trained as one program several times faster than one after another (see
``trainer/stacking.py``), and the more of them the faster; but two cores want two programs.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

from trainer.stacking import stackable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainer.experiment import Arm, Setup
    from trainer.rows import Running

MOST = 32  # runs in one process: beyond it a model's share of the time hardly falls any more

NEARLY = 0.75  # of its steps: a run that has come so far leaves its slot soon


def stacking_allowed() -> bool:
    """Whether runs may be trained together here: ``TRICKBOARD_STACK=0`` trains each alone."""
    return os.environ.get("TRICKBOARD_STACK", "1") != "0"


def may_stack(setup: Setup, arm: Arm) -> bool:
    """Whether seeds of this arm may be trained together, if that turns out to be quicker."""
    if not stacking_allowed() or any(one.remade() is None for one in arm.tricks):
        return False  # a trick of one's own that is gone fails where it is trained
    return stackable(setup, arm) is None


def share_of_slots(kinds: int, others: int, room: int) -> int:
    """Over how many of ``room`` free slots one kind of equal runs is spread.

    Of ``kinds`` that wait each takes as many, so two take half of them each, and where there are
    more kinds than slots each keeps to one. What the ``others``, all runs of the other kinds,
    cannot fill, it takes too.
    """
    return max(1, -(-room // max(1, kinds)), room - others)


def portion(runs: int, kinds: int, others: int, room: int) -> int:
    """How many of ``runs`` equal runs that wait the next process trains.

    8 seeds of one arm on 2 free slots are 4 and 4; 6 seeds of each of 4 arms stay together.
    """
    return min(MOST, -(-runs // share_of_slots(kinds, others, room)))


def portions(runs: Sequence[int], room: int) -> list[tuple[int, int]]:
    """What the processes train that follow one another on ``room`` slots: kind and how many.

    ``runs`` are the numbers of equal runs of each kind, in the order of their turns. A foresight
    for estimates: as if slots became free one by one, each while all others are busy.
    """
    left = deque((kind, count) for kind, count in enumerate(runs) if count)
    waiting, free = sum(runs), max(1, room)
    found: list[tuple[int, int]] = []
    while left:
        kind, count = left.popleft()
        taken = portion(count, len(left) + 1, waiting - count, free)
        found.append((kind, taken))
        waiting, free = waiting - taken, max(1, free - 1)
        if count > taken:  # the others have their turns first
            left.append((kind, count - taken))
    return found


def soon_free(running: Iterable[Running]) -> int:
    """How many slots will be free in a moment: all runs of theirs are nearly over.

    What waits now is shared out over them, too: else the slot that is free first takes all of it.
    """
    far: dict[str, bool] = {}
    for one in running:
        over = one.steps is not None and one.step >= NEARLY * one.steps
        far[one.process] = far.get(one.process, True) and over
    return sum(far.values())
