"""*Take away*: what a comparison found as files, as a link, as code to run without Trickboard."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import streamlit as st

from pages.parts import home, words
from trainer.experiment import pack
from trainer.export import archive, script_of
from trainer.export.material import gather
from trainer.names import in_file

if TYPE_CHECKING:
    from pages.parts.reader import Look
    from trainer.store import ExperimentRow, Store

FORMATS = {
    "link": ":material/link: Link",
    "csv": ":material/table: CSV",
    "parquet": ":material/table_view: Parquet",
    "tensorboard": ":material/show_chart: TensorBoard",
    "html": ":material/article: Report (HTML)",
    "script": ":material/code: Script (PyTorch)",
}
ENDED = ("done", "diverged", "failed", "stopped", "paused")
TABLES = (
    "`points` has a row for every point of every run, `runs` a row for every run with its last "
    "numbers, its knobs and the setup. Every number is the one that was measured."
)
TOLD = {
    "csv": TABLES,
    "parquet": TABLES + " Types are kept, and the files are small.",
    "tensorboard": "A log folder for every run: all its curves with the time they took, and its "
    "settings under HPARAMS. TensorBoard keeps seven digits; CSV and Parquet keep all. Unpack it, "
    "and in that folder:",
    "html": "One page with the verdict, every figure and the numbers behind it, the setup, the "
    "versions and what the verdict does not say. It needs no network and no Trickboard, and "
    "prints well.",
}


def takeaway(look: Look) -> None:
    """The menu; nothing as long as no run is done."""
    if not look.count("done"):
        return
    picked = st.menu_button(
        "Take away",
        list(FORMATS),
        format_func=FORMATS.__getitem__,
        icon=":material/download:",
        key="take_away",
    )
    if picked == "link":
        link(look.row)
    elif picked == "script":
        code(look.row)
    elif picked:
        st.dialog(f"Take away: {name(picked)}")(files)(look, picked)


def name(format: str) -> str:
    """What the menu calls it, without its icon."""
    return FORMATS[format].partition(": ")[2]


def file_name(row: ExperimentRow) -> str:
    """``which-trick-survives-wrong-labels-3f9a12cd``."""
    said = "-".join(re.findall(r"\w+", row.name.lower()))
    return f"{in_file(said)}-{row.id}" if said else row.id


@st.dialog("Take away: Link")
def link(row: ExperimentRow) -> None:
    here = urlsplit(st.context.url or "http://localhost:8501/")
    base = f"{here.scheme}://{here.netloc}/"
    st.markdown("**This view**, wherever this Trickboard can be reached:")
    st.code(f"{base}?{urlencode(st.query_params.to_dict())}", language=None, wrap_lines=True)
    if any(choice.remade() is None for arm in row.experiment.arms for choice in arm.tricks):
        return
    st.markdown("**Its plan**, to be run anew in any Trickboard, on any machine:")
    plan = pack(row.experiment.dump())
    st.code(f"{base}?plan={plan}", language=None, wrap_lines=True, height=160)
    st.caption("The button in the corner copies it.")


def files(look: Look, format: str) -> None:
    """What is in the file, and the button that makes it."""
    st.markdown(TOLD[format])
    if format == "tensorboard":
        st.code("tensorboard --logdir .", language=None)
    left = len(look.runs) - look.count(*ENDED)
    if left:
        goes = words.count(left, "run is", "runs are")
        st.caption(f"{goes} not at an end yet. What they have so far is in it.")
    single = format == "html"
    store, row = home.store(), look.row
    st.download_button(
        "Download",
        data=partial(page if single else archive, store, row.id, *([] if single else [format])),
        file_name=f"{file_name(row)}{'.html' if single else f'-{format}.zip'}",
        mime="text/html" if single else "application/zip",
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        key="download",
    )


def page(store: Store, experiment_id: str) -> bytes:
    """The report. Its modules are read when somebody wants one."""
    from trainer.export.report import report

    return report(gather(store, experiment_id)).encode()


@st.dialog("Take away: Script (PyTorch)", width="large")
def code(row: ExperimentRow) -> None:
    """An arm and a seed to choose, and the file that trains them without Trickboard."""
    from trainer.export.script import Unsupported
    from trainer.export.script import file_name as script_name

    st.markdown(
        "One file that trains an arm as it was trained here. It needs only torch, torchvision and "
        "scikit-learn."
    )
    arms = {arm.name: arm for arm in row.experiment.arms}
    with st.container(horizontal=True):
        arm = arms[st.selectbox("Arm", list(arms), key="script_arm")]
        seed = st.selectbox("Seed", row.experiment.seeds, key="script_seed", width=120)
    try:
        text = script_of(home.store(), row, arm, seed)
    except Unsupported as error:
        st.info(
            f"{words.plain(str(error))}", title=f"There is no script of {words.plain(arm.name)}"
        )
        return
    st.download_button(
        f"Download {script_name(arm)}",
        data=text,
        file_name=script_name(arm),
        mime="text/x-python",
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        key="download_script",
    )
    st.code(text, language="python", height=420)
