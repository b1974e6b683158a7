"""What should be known before a launch: conflicts with their ways out, warnings, hints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import words
from pages.parts.draft import Draft, arms_of, gather, set_design, setup_of, tick
from pages.parts.session import act, draft
from trainer.checks import Notice, notices
from trainer.experiment import Arm
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 3  # of a kind; more are counted


@dataclass(frozen=True, kw_only=True)
class Found:
    """A notice, and the arms it was found in."""

    notice: Notice
    arms: list[int]
    arm_name: str  # of the first

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
    return sorted(found.values(), key=lambda one: kinds.index(one.notice.kind))


def broken(found: Sequence[Found]) -> set[int]:
    """The arms that cannot run as they are."""
    return {i for one in found if one.notice.kind == "error" for i in one.arms}


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
    if draft()["design"] == "free":
        reason = f"In {words.plain(one.arm_name)}: {reason[0].lower()}{reason[1:]}"
    st.error(reason, title=one.notice.title, icon=":material/block:")
    with st.container(horizontal=True, key=f"ways_out_{i}", gap="small"):
        for trick in one.notice.tricks:
            others = [other for other in one.notice.tricks if other != trick]
            title = catalog()[trick].card.title
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
    """``one conflict to settle, two tricks marked``."""
    errors = [one.notice for one in found if one.notice.kind == "error"]
    marked = {trick for one in errors for trick in one.tricks}
    conflicts = f"{words.spelled(len(errors))} {'conflict' if len(errors) == 1 else 'conflicts'}"
    tricks = f"{words.spelled(len(marked))} {'trick' if len(marked) == 1 else 'tricks'} marked"
    return f"{conflicts} to settle, {tricks}"
