"""What counts as a difference: the number that is judged, and the margin below which it is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import words
from pages.parts.draft import Draft, set_margin, set_metric, setup_of
from pages.parts.session import bound, draft, side_popover
from trainer.datasets import DATASETS
from trainer.statistics import test_floor

if TYPE_CHECKING:
    from collections.abc import Callable

METRICS = {"test_accuracy": "test accuracy", "test_loss": "test loss"}
USUAL = 0.8  # the accuracy for which the floor is told: before a run nobody knows it


def judging() -> None:
    """The metric and the margin, in a popover that says both."""
    with side_popover("judging", judged(draft()), ":material/balance:"):
        body()


def judged(draft: Draft) -> str:
    """``Judged by test accuracy, ± 1 point``."""
    text = f"Judged by {METRICS[draft['metric']]}"
    margin = draft["margin"]
    if margin is None:
        return text
    if draft["metric"] == "test_loss":
        return f"{text}, ± {margin:g}"
    points = round(100 * margin, 6)
    return f"{text}, ± {points:g} {'point' if points == 1 else 'points'}"


def body() -> None:
    now = draft()
    metric = now["metric"]
    st.segmented_control(
        "What is judged",
        list(METRICS),
        format_func=METRICS.__getitem__,
        required=True,
        width="stretch",
        **bound("metric", metric, set_metric, default="default"),
    )
    loss = metric == "test_loss"
    scale, floor = (1.0, None) if loss else (100.0, 100 * floor_of(now))
    margin = now["margin"]
    st.number_input(
        "What counts as no difference, " + ("in units of the loss" if loss else "points"),
        0.0,
        1000.0 if loss else 100.0,
        step=0.05 if loss else 0.5,
        format="%g",
        placeholder="0" if floor is None else f"about {floor:.1f}",
        **bound(
            "margin",
            None if margin is None else round(scale * margin, 6),
            margin_in(scale),
            empty=True,
        ),
    )
    st.caption(explained(now, floor))


def margin_in(scale: float) -> Callable[[Draft, float | None], None]:
    def write(draft: Draft, value: float | None) -> None:
        set_margin(draft, None if value is None else round(value / scale, 10))

    return write


def floor_of(draft: Draft) -> float:
    """What the test images cannot tell apart at a usual accuracy, as a fraction."""
    return test_floor(USUAL, DATASETS[setup_of(draft).dataset].test_size)


def explained(draft: Draft, floor: float | None) -> str:
    """What the margin does, and what it is when nobody sets one."""
    what = (
        "An arm whose whole interval lies within this of the baseline is said to make no "
        "difference larger than it."
    )
    if floor is None:
        return f"{what} Left empty it is 0, and no arm is ever said to make none."
    images = DATASETS[draft["setup"]["dataset"]].test_size
    return (
        f"{what} Left empty it is what {images:,} test images cannot tell apart: about "
        f"{words.number(floor)} points at an accuracy of 80 %."
    )
