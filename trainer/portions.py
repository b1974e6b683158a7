"""How many equal runs one process trains together: as many as leave no core idle.

Seeds of an arm are trained as one program several times faster than one after another (see
``trainer/stacking.py``), and the more of them the faster; but two cores want two programs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.queue import Running

MOST = 32  # runs in one process: beyond it a model's share of the time hardly falls any more

NEARLY = 0.75  # of its steps: a run that has come so far leaves its slot soon


def stacking_allowed() -> bool:
    """Whether runs may be trained together here: ``TRICKBOARD_STACK=0`` trains each alone."""
    return os.environ.get("TRICKBOARD_STACK", "1") != "0"


def share_of_slots(groups: int, room: int) -> int:
    """Over how many of ``room`` free slots one of ``groups`` groups of equal runs is spread.

    One group alone takes them all, of two each takes half; where there are more groups than slots,
    a group keeps to one.
    """
    return max(1, -(-room // max(1, groups)))


def portion(runs: int, groups: int, room: int) -> int:
    """How many of ``runs`` equal runs that wait the next process trains.

    8 seeds of one arm on 2 free slots are 4 and 4; 6 seeds of each of 4 arms stay together.
    """
    return min(MOST, -(-runs // share_of_slots(groups, room)))


def portions(groups: list[int], room: int) -> list[tuple[int, int]]:
    """What the processes train that follow one another on ``room`` slots: group and how many.

    ``groups`` are the numbers of equal runs, in the order of their turns. A foresight for
    estimates: it takes slots to become free one by one, each when all others are busy.
    """
    left = dict(enumerate(groups))
    found: list[tuple[int, int]] = []
    free = max(1, room)
    while left := {group: count for group, count in left.items() if count}:
        group = next(iter(left))
        taken = portion(left[group], len(left), free)
        left[group] -= taken
        found.append((group, taken))
        free = max(1, free - 1)
        left = {key: left[key] for key in [*(one for one in left if one != group), group]}
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
