"""*Add 12 seeds*: the button of a finished comparison that too few seeds have left open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import home, refusals, words
from pages.parts.cost import LONG
from pages.parts.results import OPEN, more_seconds
from trainer.experiment import MOST_RUNS
from trainer.refusals import REFUSALS

if TYPE_CHECKING:
    from pages.parts.reader import Look, Reader
    from pages.parts.results import Results

MOST = 64  # at a time: after those one looks again
HELP = "The old runs stay. Looking again and again inflates false positives; decide how many first."


@dataclass(frozen=True, kw_only=True)
class Offer:
    """So many more seeds of every arm are offered; at most ``room`` can be chosen.

    ``needed``: what 80 % power asks for, or the fewest seeds that can claim anything; None if no
    number of seeds would do.
    """

    count: int
    needed: int | None
    room: int


def offer(look: Look, known: Results) -> Offer | None:
    """What would settle the arm that needs the most; None where all is settled already."""
    experiment = look.row.experiment
    left = [one for one in known.comparisons if one.verdict in OPEN]
    room = min(MOST, MOST_RUNS // len(experiment.arms) - len(experiment.seeds))
    if look.state != "done" or not look.count("done") or not left or room < 1:
        return None
    needs = [one.needed - one.n for one in left if one.needed is not None]
    needed = max(needs, default=0)
    if needed < 1:
        return Offer(count=min(room, len(experiment.seeds)), needed=None, room=room)
    return Offer(count=min(room, needed), needed=needed, room=room)


def add_seeds(reader: Reader, look: Look, known: Results) -> None:
    """The button with its cost, and another number beside it; nothing if all is settled."""
    found = offer(look, known)
    if found is None:
        refusal()
        return
    with st.container(horizontal=True, width="content", gap="small", key="add_seeds_row"):
        if found.needed is not None:
            long = is_long(look, found.count)
            pressed = st.button(
                label(look, found.count),
                icon=":material/add:",
                key="add_seeds",
                help=help_text(look, found),
                on_click=None if long else add,
                args=(reader, found.count),
            )
            if pressed and long:
                confirm(reader, look, found.count)
        with st.popover(
            ":material/tune:" if found.needed is not None else "Add seeds",
            type="tertiary" if found.needed is not None else "secondary",
            key="more_seeds",
            help="Another number of seeds",
        ):
            other(reader, look, found)
    refusal()


def label(look: Look, count: int) -> str:
    """``Add 12 seeds, about 30 s``."""
    seconds = more_seconds(look, count, slots_of(look))
    text = f"Add {words.count(count, 'seed')}"
    return text if seconds is None else f"{text}, {words.about(seconds)}"


def help_text(look: Look, found: Offer) -> str:
    """The cost, what it is for, and the warning."""
    text = f"{cost_text(look, found.count)} {HELP}"
    if found.needed is not None and found.needed > found.count:
        asked = words.count(found.needed, "more seed")
        text = f"80 % power asks for {asked}; {found.count} at a time. {text}"
    return text


def cost_text(look: Look, count: int) -> str:
    """``16 runs, about 30 s.``"""
    runs = words.count(count * len(look.row.experiment.arms), "run")
    seconds = more_seconds(look, count, slots_of(look))
    return f"{runs}." if seconds is None else f"{runs}, {words.about(seconds)}."


def slots_of(look: Look) -> int:
    worker = look.worker[1]
    return worker.slots if worker else 1


def is_long(look: Look, count: int) -> bool:
    return (more_seconds(look, count, slots_of(look)) or 0.0) > LONG


def other(reader: Reader, look: Look, found: Offer) -> None:
    """Choose how many."""
    count = st.number_input("More seeds of every arm", 1, found.room, found.count, key="how_many")
    st.caption(f"{cost_text(look, count)} {HELP}")
    st.button("Add them", key="add_so_many", on_click=add, args=(reader, count))


def add(reader: Reader, count: int) -> None:
    """A button's callback: queue the runs and look at once."""
    try:
        home.store().add_seeds(reader.row.id, count)
    except ValueError as error:
        st.session_state["seeds_refused"] = words.plain(str(error))
        return
    except REFUSALS as error:
        st.session_state["seeds_refused"] = refusals.said(error)
        return
    reader.row = reader.store.experiment(reader.row.id) or reader.row
    home.wake()
    reader.look(now=True)


def refusal() -> None:
    """Why the last press did nothing."""
    reason = st.session_state.pop("seeds_refused", None)
    if reason:
        st.error(
            f"**No seeds were added:** {reason.rstrip('.')}. All is as it was.",
            icon=":material/block:",
        )


@st.dialog("Add seeds?")
def confirm(reader: Reader, look: Look, count: int) -> None:
    """Asked once, above ten minutes."""
    st.markdown(
        f"**{words.count(count, 'seed')}** of every arm: {cost_text(look, count)} They go on when "
        "this page is closed, and can be stopped at any time."
    )
    with st.container(horizontal=True):
        args = (reader, count)
        if st.button("Add them", type="primary", key="add_long", on_click=add, args=args):
            st.rerun()
        if st.button("Not yet", key="add_not"):
            st.rerun()
