"""Any runs of any experiments side by side: ``/compare?experiments=a,b``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import compare_choose, compare_curves, compare_table, home, refusals, words
from pages.parts.compare_address import control, read
from pages.parts.compare_runs import runs_table
from pages.parts.compare_scene import experiments_of, readers_for, scene_of
from pages.parts.curves import packed, show
from pages.parts.pace import pace
from trainer import sidebyside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.parts.compare_address import Wish
    from pages.parts.compare_scene import Found, Scene
    from pages.parts.reader import Reader
    from pages.parts.view import View

TICK = 0.7  # seconds between two updates of what is live
MANY = 100  # runs; more are drawn at the slow rhythm
SLOW = 3.0  # the rhythm of the table of runs, in which one reads


def now(readers: Sequence[Reader], wish: Wish) -> Scene | None:
    """The present state; made again only when a run has news."""
    looks = [reader.look() for reader in readers]
    key = (wish, [(look.row, look.version) for look in looks])
    known, scene = st.session_state.get("compare_scene", (None, None))
    if known != key:
        scene = scene_of(looks, wish)
        st.session_state["compare_scene"] = key, scene
    return scene


def said(scene: Scene, found: Found) -> str:
    """What is known now, and of how much."""
    runs = words.count(len(scene.entries), "run")
    what = f"{runs} of {words.count(len(found.rows), 'experiment')}"
    text = sidebyside.sentence(scene.beside, scene.base, scene.metric)
    if left := scene.left_out:
        states = words.listed([f"{count:,} {state}" for state, count in left.items()])
        what += f", left out by the filter on states: {states}"
    if scene.bare:
        return f"{what}: no verdict."
    if found.cut:
        what += f" (the first {len(found.rows)} of {len(found.rows) + found.cut})"
    if scene.cut:
        what += f"; {words.count(scene.cut, 'more group')} left out, group by fewer keys to see all"
    return f"{text} {what}."


def steady(wish: Wish) -> None:
    """In a part that is drawn alone: the whole page follows when the address has changed."""
    if read(st.query_params) != wish:
        st.rerun()


@refusals.drawn
def sentence(readers: Sequence[Reader], found: Found, wish: Wish) -> None:
    steady(wish)
    if scene := now(readers, wish):
        with st.container(key="verdict"):
            st.markdown(said(scene, found))


@refusals.drawn
def face(readers: Sequence[Reader], wish: Wish, view: View, was_active: bool) -> None:
    """Differences and curves: all that changes while runs go on."""
    steady(wish)
    scene = now(readers, wish)
    if scene is None or scene.active != was_active:
        st.rerun()  # the whole page once: with or without a clock
    compare_choose.unknown_keys(wish, scene)
    compare_choose.unfair(scene)
    if scene.bare:
        return
    compare_table.groups_table(scene)
    known, drawn, data = st.session_state.get("compare_figure", (None, None, None))
    if known is not scene or drawn != view:
        data = packed(compare_curves.figure(scene, view), compare_curves.empty(scene))
        st.session_state["compare_figure"] = scene, view, data
    show(data)


def settings(scene: Scene) -> None:
    """What the groups were trained with."""
    with st.container(horizontal=True, vertical_alignment="center", key="compare-settings-head"):
        st.header("Settings", anchor=False)
        st.toggle("Only differences", **control("only", scene.wish.only))
    compare_table.configuration(scene)


@refusals.drawn
def runs(readers: Sequence[Reader], wish: Wish) -> None:
    steady(wish)
    if scene := now(readers, wish):
        runs_table(scene)


@refusals.drawn
def waiting(readers: Sequence[Reader], wish: Wish) -> None:
    """Nothing to show yet, but something is on its way: learning rates are being tuned."""
    if now(readers, wish):
        st.rerun()
    compare_choose.no_runs()


def page() -> None:
    wish = read(st.query_params)
    known = home.store().experiments()
    with st.container(key="title"):
        st.title("Compare", anchor=False)
    if not known:
        compare_choose.nothing_launched()
        return
    found = experiments_of(wish, known)
    readers = readers_for(found.rows)
    scene = now(readers, wish)
    slow = SLOW if scene and scene.active else None
    quick = slow and scene and len(scene.entries) <= MANY
    tick = max(TICK, pace()) if quick else slow
    if scene:
        st.fragment(sentence, run_every=tick)(readers, found, wish)
    view = compare_choose.controls(wish, known, scene)
    if found.missing:
        compare_choose.gone(wish, found.missing)
    if scene and view:
        st.fragment(face, run_every=tick)(readers, wish, view, scene.active)
        settings(scene)
        st.fragment(runs, run_every=slow)(readers, wish)
    elif wish.filters:
        compare_choose.nothing_left(wish)
    elif found.rows:
        st.fragment(waiting, run_every=SLOW)(readers, wish)
    else:
        compare_choose.nothing_chosen(known)


st.html(Path(__file__).parent / "parts" / "watch.css")
st.html(Path(__file__).parent / "parts" / "comparing.css")
page()
