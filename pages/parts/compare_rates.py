"""The learning rates of the groups on the comparing page, from the function that runs follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pages.parts import ratelines, words
from pages.parts.rates import rates as course
from trainer.rates import PARTS

LONG = 40  # letters of a note; more would not fit beside the title

if TYPE_CHECKING:
    from pages.parts.compare_scene import Scene
    from pages.parts.means import Numbers
    from pages.parts.panels import Grids
    from pages.parts.view import View
    from trainer.comparing import Group
    from trainer.experiment import Arm, Setup


class Line(NamedTuple):
    """A schedule: where it stands on the horizontal axis, and the rates, both (points,)."""

    x: tuple[float, ...]
    values: tuple[float, ...]


def rates(scene: Scene, view: View, grids: Grids) -> tuple[str | None, dict[str, Any] | None]:
    """A sentence if every group has the same constant rate, else a chart of the schedules.

    A group that mixes settings or arms has no schedule of its own; of mixed groups alone there is
    neither.
    """
    found: dict[Line, list[int]] = {}
    for i, one in enumerate(scene.beside):
        if (line := line_of(scene, one.group, view.axis)) is not None:
            found.setdefault(line, []).append(i)
    if not found:
        return None, None
    names = [scene.names[one.group.key] for one in scene.beside]
    values = {rate for line in found for rate in line.values}
    left = len(names) - sum(map(len, found.values()))
    if len(values) == 1 and not left:
        who = ratelines.named(names, len(names), "groups")
        return ratelines.constant_words(values.pop(), who), None
    lines = [
        ratelines.line_of(
            own, ratelines.named([names[i] for i in own], len(names), "groups"),
            np.asarray(line.x), line.values, grids,
        )
        for line, own in found.items()
    ]  # fmt: skip
    note = ratelines.rate_note(names, [(line.values, own) for line, own in found.items()], "groups")
    if len(note) > LONG:
        note = f"{words.count(len(found), 'schedule')}"
    if left:
        note += f"; {words.count(left, 'mixed group')} not drawn"
    span = max(max(line.x, default=0.0) for line in found)
    chart = ratelines.chart(lines, note, view, span or None, flat=len(found) == 1 and not left)
    return None, chart | {"alt": f"Learning rate by {view.axis}: {note}."}


def line_of(scene: Scene, group: Group, axis: str) -> Line | None:
    """The schedule that all runs of a group follow; None: they follow several, or none is known."""
    found = setup_and_arm(group)
    if group.mixed or found is None:
        return None
    setup, arm = found
    steps, values = course(setup, arm.model_copy(update={"name": "arm"}).model_dump_json())
    x = places(scene, group, setup, np.asarray(steps, float), axis)
    return None if x is None else Line(tuple(np.round(x, 6).tolist()), values)


def setup_and_arm(group: Group) -> tuple[Setup, Arm] | None:
    """The setup and the arm of a group, as an experiment of it has them."""
    entry = group.entries[0]
    experiment = entry.homes[0].experiment
    arm = next((one for one in experiment.arms if one.name == entry.recipe.name), None)
    return None if arm is None else (experiment.setup, arm)


def places(scene: Scene, group: Group, setup: Setup, steps: Numbers, axis: str) -> Numbers | None:
    """Where steps (or thousandths of a budget in seconds) stand on the horizontal axis.

    Steps become seconds, and the other way round, as the run that came farthest measured it; what
    none has reached is nan. None if nothing was measured.
    """
    if setup.seconds is None and axis != "seconds":
        return steps / setup.steps_per_epoch if axis == "epoch" else steps
    at = steps * (setup.seconds / PARTS) if setup.seconds is not None else steps
    if setup.seconds is not None and axis == "seconds":
        return at
    clocks = [scene.curves.get(one.run.id, {}).get("seconds") for one in group.entries]
    known = [one for one in clocks if one is not None and len(one[0])]
    if not known:
        return None
    done, seconds = max(known, key=lambda one: float(one[0][-1]))
    if setup.seconds is None:
        return np.interp(at, done, seconds, right=np.nan)
    reached = np.interp(at, seconds, done, right=np.nan)
    return reached / setup.steps_per_epoch if axis == "epoch" else reached
