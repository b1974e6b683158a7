"""The lab's second face: an experiment while it runs, and its verdict when it is done."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import arrow, home, refusals, words
from pages.parts.absent import absent
from pages.parts.addseeds import add_seeds
from pages.parts.curves import figure, packed, show
from pages.parts.diagnosis import closer_look, doctor, machines
from pages.parts.effectmap import effect_map, known_effects
from pages.parts.effectmap import sentence as effects_sentence
from pages.parts.findings import findings_of
from pages.parts.forest import forest
from pages.parts.pace import pace
from pages.parts.present import present_button, presenting, stage
from pages.parts.progress import empty, progress
from pages.parts.reader import reader_of
from pages.parts.results import results
from pages.parts.setuplist import setup_list
from pages.parts.takeaway import takeaway
from pages.parts.troubles import troubles
from pages.parts.tuned import tuned
from pages.parts.view import read, settings
from trainer.names import in_table
from trainer.store import StoreError

if TYPE_CHECKING:
    from pages.parts.findings import Findings
    from pages.parts.reader import Look, Reader
    from pages.parts.results import Results
    from pages.parts.view import View

SLOW_TICK = 3.0  # seconds between two updates of what is read after the charts, or more


@dataclass(frozen=True, kw_only=True)
class Built:
    """What decides how the page is built: it is built anew when that has changed."""

    phase: tuple[bool, bool]
    tick: float | None  # seconds between two updates; None: nothing is to come
    at: float = field(default_factory=time.monotonic)

    def holds(self, look: Look) -> bool:
        """A page that was built just now keeps its clock: others are opening theirs."""
        if look.phase != self.phase:
            return False
        settled = self.tick is not None and time.monotonic() - self.at > SLOW_TICK
        return not settled or pace(self.tick) == self.tick


def watch(experiment_id: str) -> None:
    """Setup and view in the sidebar; sentence, verdict and curves beside it."""
    row = home.store().experiment(experiment_id)
    if row is None:
        unknown(experiment_id)
        return
    st.html(Path(__file__).with_name("watch.css"))
    reader = reader_of(str(home.store().home), row.id, row)
    reader.row = row
    look = reader.look()
    if presenting():
        stage()
        view = read(st.query_params)
    else:
        with st.sidebar:
            setup_list(look)
            view = settings()
    built = Built(phase=look.phase, tick=pace() if look.active else None)
    st.fragment(face, run_every=built.tick)(reader, view, built)
    if not presenting():
        slow = built.tick and SLOW_TICK * max(1.0, built.tick)
        st.fragment(beneath, run_every=slow)(reader)


def unknown(experiment_id: str) -> None:
    """An address that leads nowhere."""
    st.title("Nothing to watch here", anchor=False)
    if experiment_id.replace("`", "").strip():
        st.markdown(absent([experiment_id]))
    else:
        st.markdown(
            "This address names no experiment in this store. It may have been deleted, or live on "
            "another machine."
        )
    st.page_link("runs.py", label="All runs", icon=":material/stacks:")


@refusals.drawn
def face(reader: Reader, view: View, built: Built) -> None:
    """All that changes while runs go on; the skeleton is the same before and after."""
    look = reader.look()
    gone = not look.runs and home.store().experiment(look.row.id) is None
    if gone or not built.holds(look):
        st.rerun()  # the whole page once: with or without a clock
    known: Results = reader.once("results", look, lambda: results(look))
    done = look.state == "done" and look.count("done") > 0
    effects = reader.once("effects", look, lambda: known_effects(look)) if done else None
    head(reader, look, known, effects_sentence(effects, known) if effects else known.sentence)
    refusal()
    if look.state != "done":
        progress(look)
    if look.row.tuning:
        tuned(look)
    troubles(reader, look)
    if done:
        if effects is not None:
            effect_map(look, known, effects)
            st.markdown(known.sentence)
        worker = look.worker[1]
        forest(look, known, worker.slots if worker else 1, found(reader, look).marks(look))
    over = empty(look)
    show(reader.once((view, over), look, lambda: packed(figure(look, known, view), over)))


@refusals.drawn
def beneath(reader: Reader) -> None:
    """What is read after the charts: it need not follow every point."""
    look = reader.look()
    if not look.runs and not look.row.tuning:
        return  # deleted meanwhile: the face says so
    findings = found(reader, look)
    doctor(look, findings)
    machines(look, findings)
    closer_look(look, findings)
    if not look.row.tuning:
        tuned(look)
    # Closed it is empty: Streamlit's table is a fifth of all the scripts of this page.
    with st.expander("The numbers as a table", key="table", on_change="rerun") as numbers:
        if numbers.open:
            table(reader.once("results", look, lambda: results(look)))


def found(reader: Reader, look: Look) -> Findings:
    """What the ended runs told of themselves."""
    findings = findings_of(str(reader.store.home), look.row.id)
    findings.update(look)
    return findings


def head(reader: Reader, look: Look, known: Results, sentence: str) -> None:
    """The title with the buttons at its right, and the sentence of what is known now."""
    with st.container(horizontal=True, key="title", vertical_alignment="center"):
        st.title(words.plain(look.row.name), anchor=False, width="stretch")
        id = look.row.id
        if look.state == "running":
            running = [run for run in look.every if run.state == "running"]
            ending = all(run.desired == "stop" for run in running)
            leaving = all(run.desired != "run" for run in running)
            st.button(
                "Pause",
                icon=":material/pause:",
                key="pause",
                disabled=not look.has("waiting") and leaving,
                help="The runs leave memory and device. Later they go on where they were.",
                on_click=act,
                args=(reader, reader.store.pause, id),
            )
            st.button(
                "Stop",
                icon=":material/stop:",
                key="stop",
                disabled=not look.has("waiting") and ending,
                on_click=act,
                args=(reader, reader.store.stop, id),
            )
        elif look.state in ("stopped", "paused"):
            st.button(
                "Go on",
                icon=":material/play_arrow:",
                key="go_on",
                help="Every run goes on after its last checkpoint.",
                on_click=act,
                args=(reader, reader.store.go_on, id),
            )
        elif not presenting():
            add_seeds(reader, look, known)
        if not presenting():
            takeaway(look)
        present_button()
    with st.container(key="verdict" if look.state == "done" else "sentence"):
        st.markdown(sentence)


@refusals.wished
def act(reader: Reader, do: Any, experiment_id: str) -> None:
    """A button's callback: do it, and look at once.

    ``do`` is a method of the reader's store, which all share: it is done as whoever pressed may.
    """
    try:
        getattr(home.store(), do.__name__)(experiment_id)
    except StoreError as error:
        st.session_state["act_refused"] = str(error)
    home.wake()
    reader.look(now=True)


def refusal() -> None:
    """Why the last press did nothing."""
    if reason := st.session_state.pop("act_refused", None):
        reason = words.plain(reason.rstrip("."))
        st.error(f"**Nothing was changed:** {reason}.", icon=":material/block:")


def table(known: Results) -> None:
    """The numbers behind the charts."""
    compared = {one.arm: one for one in known.comparisons}
    scale = 100.0 if known.accuracy else 1.0

    def scaled(value: float | None) -> float | None:
        return None if value is None else scale * value

    metric = "test accuracy, %" if known.accuracy else "test loss"
    rows = []
    for arm in known.arms:
        one = compared.get(arm.name)
        rows.append(
            {
                "arm": in_table(arm.name),
                "n": arm.n,
                metric: scaled(arm.mean),
                "± half the 95 % interval": scaled(arm.half),
                "SD of the runs": scaled(arm.sd),
                f"difference, {known.unit}": scaled(one.mean) if one else None,
                "from": scaled(one.low) if one else None,
                "to": scaled(one.high) if one else None,
                "seconds": arm.seconds,
                "verdict": words_of(known, one),
            }
        )
    digits = "%.1f" if known.accuracy else "%.3f"
    plain = {"arm", "n", "seconds", "verdict"}
    columns = {name: st.column_config.NumberColumn(format=digits)
               for name in rows[0] if name not in plain}  # fmt: skip
    columns["seconds"] = st.column_config.NumberColumn(format="%.1f")
    shown = arrow.of_rows(rows)
    st.dataframe(
        shown, hide_index=True, column_config=columns, placeholder="", key="numbers", lazy=False
    )


def words_of(known: Results, one: Any) -> str:
    from trainer.statistics import WORDS

    return WORDS[one.verdict] if one else ""
