"""What should be known before a launch: conflicts with their ways out, warnings, hints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import words
from pages.parts.draft import (
    Draft,
    arms_of,
    data_of,
    gather,
    set_design,
    set_seeds,
    set_tune,
    setup_of,
    tick,
)
from pages.parts.session import act, draft
from trainer.checks import Notice, notices
from trainer.designs import MOST_FACTORS, arms_in
from trainer.experiment import MOST_RUNS, Arm, ExperimentError, parse
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST = 3  # of a kind; more are counted


@dataclass(frozen=True, kw_only=True)
class Found:
    """A notice, and the arms it was found in."""

    notice: Notice
    arms: list[int]
    arm_name: str = ""  # of the first
    ways: Sequence[tuple[str, Callable[..., None], tuple[object, ...]]] = ()  # out: label, change

    @property
    def arm(self) -> int:
        return self.arms[0]


def find(draft: Draft) -> list[Found]:
    """The notices of all arms, each once, errors first."""
    setup = setup_of(draft)
    found: dict[Notice, Found] = {}
    for i, arm in enumerate(arms_of(draft)):
        for one in notices(setup, Arm.model_validate(arm).make()):
            found.setdefault(one, Found(notice=one, arms=[], arm_name=arm["name"])).arms.append(i)
    kinds = ["error", "warning", "hint"]
    return unmade(draft) + sorted(found.values(), key=lambda one: kinds.index(one.notice.kind))


def unmade(draft: Draft) -> list[Found]:
    """Why the plan as a whole cannot be launched, whatever its tricks do."""
    arms, tricks = arms_of(draft), list(draft["ticked"])
    sweep = draft["sweep"]
    if draft["design"] == "every" and arms_in("every", len(tricks)) is None:
        count = words.spelled(len(tricks))
        return [
            stop(
                f"{count.capitalize()} tricks are too many for every combination",
                f"They have {2 ** len(tricks):,} combinations. At most {MOST_FACTORS} tricks can "
                "be combined: untick some, or ask another question of them.",
                (f"Leave {title_of(tricks[-1])} out", tick, (tricks[-1], False)),
                ("Each trick alone", set_design, ("alone",)),
            )
        ]
    if draft["design"] == "sweep" and sweep["trick"] is None and draft["tune"]:
        return [
            stop(
                "Tuning would undo this sweep",
                "It compares learning rates, and tuning would find each arm's best one first.",
                ("Same for all", set_tune, (False,)),
            )
        ]
    most = MOST_RUNS // len(arms)
    if len(arms) * len(draft["seeds"]) > MOST_RUNS and most:
        return [
            stop(
                f"{len(arms) * len(draft['seeds']):,} runs are too many",
                f"{len(arms)} arms with {len(draft['seeds'])} seeds each; an experiment has at "
                f"most {MOST_RUNS:,} runs, so here at most {most} seeds.",
                (f"Take {most} seeds", set_seeds, (most,)),
            )
        ]
    try:
        parse(data_of(draft), draft=True)
    except ExperimentError as error:
        told = [words.plain(str(one)) for one in error.problems]
        return [stop("This cannot be launched as it is", " ".join(told[:MOST]))]
    return []


def stop(
    title: str, reason: str, *ways: tuple[str, Callable[..., None], tuple[object, ...]]
) -> Found:
    notice = Notice(kind="error", title=title, reason=reason, tricks=())
    return Found(notice=notice, arms=[], ways=ways)


def title_of(trick: str) -> str:
    return catalog()[trick].card.title


def broken(found: Sequence[Found]) -> set[int]:
    """The arms that cannot run as they are."""
    return {i for one in found if one.notice.kind == "error" for i in one.arms}


def stuck(found: Sequence[Found]) -> bool:
    """Whether anything is in the way of a launch."""
    return any(one.notice.kind == "error" for one in found)


def show(found: Sequence[Found], *kinds: str) -> None:
    """Notices of these kinds. What is too much to read at once is counted."""
    for kind in kinds:
        some = [one for one in found if one.notice.kind == kind]
        for i, one in enumerate(some[:MOST]):
            SHOWN[kind](one, i)
        if len(some) > MOST:
            st.caption(f"and {words.count(len(some) - MOST, f'more {kind}')}")


def error(one: Found, i: int) -> None:
    reason = one.notice.reason
    if draft()["design"] == "free" and one.arms:
        reason = f"In {words.plain(one.arm_name)}: {reason[0].lower()}{reason[1:]}"
    st.error(reason, title=one.notice.title, icon=":material/block:")
    with st.container(horizontal=True, key=f"ways_out_{i}", gap="small"):
        for trick in one.notice.tricks:
            others = [other for other in one.notice.tricks if other != trick]
            title = title_of(trick)
            if others:
                st.button(
                    f"Keep {title}",
                    key=f"keep_{i}_{trick}",
                    on_click=act,
                    args=(leave_out, one.arm, others),
                )
            else:
                st.button(
                    f"Leave {title} out",
                    key=f"leave_{i}_{trick}",
                    on_click=act,
                    args=(leave_out, one.arm, [trick]),
                )
        for j, (label, change, args) in enumerate(one.ways):
            st.button(label, key=f"way_{i}_{j}", on_click=act, args=(change, *args))
        if draft()["design"] == "together" and len(one.notice.tricks) > 1:
            st.button(
                "Each trick alone", key=f"alone_{i}", on_click=act, args=(set_design, "alone")
            )


def leave_out(draft: Draft, arm: int, tricks: Sequence[str]) -> None:
    """Take tricks out: of the arm in a free design, else of the comparison."""
    if draft["design"] != "free":
        for one in tricks:
            tick(draft, one, False)
        return
    held = draft["arms"][arm]["tricks"]
    draft["arms"][arm]["tricks"] = [one for one in held if one["id"] not in tricks]
    gather(draft)


def warning(one: Found, _: int) -> None:
    st.warning(one.notice.reason, title=one.notice.title, icon=":material/warning:")


def hint(one: Found, _: int) -> None:
    st.caption(f"**{one.notice.title.rstrip('.')}.** {one.notice.reason}")


SHOWN = {"error": error, "warning": warning, "hint": hint}


def in_words(found: Sequence[Found]) -> str:
    """``one conflict to settle, two tricks marked``; or what else is in the way."""
    errors = [one.notice for one in found if one.notice.kind == "error"]
    for one in errors:
        if not one.tricks:
            return f"{one.title[0].lower()}{one.title[1:]}"
    marked = {trick for one in errors for trick in one.tricks}
    conflicts = f"{words.spelled(len(errors))} {'conflict' if len(errors) == 1 else 'conflicts'}"
    tricks = f"{words.spelled(len(marked))} {'trick' if len(marked) == 1 else 'tricks'} marked"
    return f"{conflicts} to settle, {tricks}"
