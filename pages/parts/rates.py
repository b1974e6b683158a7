"""The learning rate of every arm before it runs, from the function that the run itself follows."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import arms, words
from pages.parts.draft import Draft, arms_of, budget_of, setup_of
from pages.parts.session import draft
from pages.parts.still import still
from trainer.experiment import Arm
from trainer.rates import PARTS, schedule
from tricks import shelf

if TYPE_CHECKING:
    from collections.abc import Collection

    from trainer.experiment import Setup
    from tricks.own import Stamp

POINTS = 600  # as many as the chart is wide; below that every step is drawn
INK = {False: ("#5C6670", "#E7E3DA", "#1B242B"), True: ("#A4AEB8", "#26313A", "#E6EAED")}


def rates(setup: Setup, arm: str) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Steps and rates of an arm (as JSON), at most about ``POINTS`` of them."""
    return rates_now(setup, arm, shelf().stamp)


@lru_cache(maxsize=256)
def rates_now(setup: Setup, arm: str, files: Stamp) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The same with tricks of one's own as their ``files`` are now."""
    total = setup.total_steps or PARTS
    made = Arm.model_validate_json(arm)
    at = schedule(setup, made.left(), made.lr_scale)
    stride = -(-total // POINTS)
    steps = tuple(sorted({*range(0, total, stride), total - 1}))
    return steps, tuple(at(step) for step in steps)


def groups(draft: Draft, broken: Collection[int]) -> dict[tuple[float, ...], list[int]]:
    """The arms by their schedule: equal ones are one line. Arms that cannot run have none."""
    setup = setup_of(draft)
    found: dict[tuple[float, ...], list[int]] = {}
    for i, arm in enumerate(arms_of(draft)):
        if i in broken:
            continue
        own = Arm.model_validate(arm | {"name": "arm"}).model_dump_json()
        found.setdefault(rates(setup, own)[1], []).append(i)
    return found


def rate_chart(broken: Collection[int]) -> None:
    """The schedules of all arms; equal ones are one line."""
    now = draft()
    found = groups(now, broken)
    names = [arm["name"] for arm in arms_of(now)]
    st.subheader("Learning rate", anchor=False)
    if not found:
        st.caption("No arm can run as it is, so there is no schedule to draw.")
        return
    alt = "; ".join(f"{named(own, names)}: {course(line)}" for line, own in found.items())
    still(figure(now, found), height=180, alt=alt, key="rate_chart")
    without = " Arms in conflict have no schedule yet." if broken else ""
    if len(found) > 1 or len(set(next(iter(found)))) > 1:
        st.caption(
            f"Drawn from the function that the runs follow. {legend(found, names)}{without}"
            f"{tuned(now)}"
        )
        return
    (line, own), *_ = found.items()
    who = f"the same in {named(own, names)}: " if len(own) > 1 else ""
    text = f"{who}constant {line[0]:g}."
    more = without or tuned(now) or " Tick a schedule to see it here before it runs."
    st.caption(f"{text[0].upper()}{text[1:]}{more}")


def tuned(draft: Draft) -> str:
    """That the arms may train at other rates than those drawn."""
    if draft["tune"] is None:
        return ""
    low, *_, high = sorted(draft["tune"]["scales"])
    return f" Each arm first tries {low:g} to {high:g} times its rate, and trains at the best."


def everyone(count: int) -> str:
    return "both arms" if count == 2 else f"all {count} arms"


def named(own: list[int], names: list[str]) -> str:
    if len(own) == len(names) > 1:
        return everyone(len(names))
    if len(own) > 4:
        return f"{', '.join(names[i] for i in own[:3])} and {len(own) - 3} more"
    return words.listed([names[i] for i in own])


def course(rates: tuple[float, ...]) -> str:
    """A schedule in words: where it starts, its highest, where it ends."""
    if len(set(rates)) == 1:
        return f"constant {rates[0]:g}"
    return f"from {rates[0]:.3g}, at most {max(rates):.3g}, to {rates[-1]:.3g}"


def legend(found: dict[tuple[float, ...], list[int]], names: list[str]) -> str:
    """Which arms share a line; nothing when each has its own."""
    shared = [
        f"One line for {words.plain(named(own, names))}." for own in found.values() if len(own) > 1
    ]
    return " ".join(shared)


def axis(setup: Setup, unit: str) -> tuple[float, str]:
    """What a step is on the horizontal axis, and the axis's name."""
    if unit == "epochs":
        return 1 / setup.steps_per_epoch, "epoch"
    if unit == "seconds":
        assert setup.seconds is not None
        return setup.seconds / PARTS, "seconds"
    return 1, "step"


def figure(draft: Draft, found: dict[tuple[float, ...], list[int]]) -> dict[str, Any]:
    """A still figure in the colors of the arms."""
    setup, names = setup_of(draft), [arm["name"] for arm in arms_of(draft)]
    scale, title = axis(setup, budget_of(draft))
    dark = arms.dark()
    quiet, grid, ink = INK[dark]
    total = setup.total_steps or PARTS
    stride = -(-total // POINTS)
    steps = sorted({*range(0, total, stride), total - 1})
    font = {"family": '"Source Sans", sans-serif', "size": 12.5, "color": quiet}
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": named(own, names),
            "x": [round(step * scale, 6) for step in steps],
            "y": list(values),
            "line": {
                "color": ink if len(own) == len(names) else arms.color(own[0], dark),
                "width": 2.25,
                "dash": "dash" if arms.dashed(own[0]) else "solid",
            },
            "hovertemplate": "%{y:.4g}",
        }
        for values, own in found.items()
    ]
    layout = {
        "margin": {"l": 44, "r": 8, "t": 6, "b": 42},
        "height": 180,
        "font": font,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "hovermode": "x unified",
        "xaxis": {
            "title": {"text": title, "font": font, "standoff": 6},
            "nticks": 7,
            "showgrid": False,
            "zeroline": False,
            "linecolor": grid,
            "ticks": "outside",
            "ticklen": 4,
            "tickcolor": grid,
            "range": [0, total * scale],
        },
        "yaxis": {
            "gridcolor": grid,
            "zeroline": False,
            "rangemode": "tozero",
            "nticks": 4,
            "exponentformat": "none",
        },
    }
    return {"data": traces, "layout": layout}
