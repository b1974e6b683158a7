"""The setup of a comparison, in the sidebar: data, network, budget, device."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts import judging, transfer, tuning, words
from pages.parts.draft import (
    Draft,
    arms_of,
    budget_of,
    set_budget,
    set_dataset,
    set_network,
    set_seeds,
)
from pages.parts.examples import EXAMPLES, example
from pages.parts.home import store
from pages.parts.session import bound, chosen, draft
from trainer.datasets import DATASETS
from trainer.experiment import MOST_RUNS

NETWORKS = {"mlp": "MLP", "cnn": "CNN", "resnet": "ResNet"}
DEPTHS = {
    "mlp": ("Depth", "Hidden layers.", "Width", "Units of every hidden layer."),
    "cnn": ("Depth", "3×3 convolutions.", "Width", "Channels of the first."),
    "resnet": ("Blocks", "Each has two convolutions.", "Width", "Channels of the first block."),
}
PREPROCESSING = ["standardize", "scale", "raw"]


def sidebar() -> None:
    """Everything the arms share. Writes into the draft."""
    start_from()
    st.subheader("Data", anchor=False)
    data()
    st.subheader("Network", anchor=False)
    network()
    st.subheader("Budget of every arm", anchor=False)
    budget()
    tuning.choice()
    judging.judging()
    device()


def into(*path: str) -> Any:
    """What writes a widget's value to that place of the setup."""

    def write(draft: Draft, value: Any) -> None:
        place = draft["setup"]
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value

    return write


def start_from() -> None:
    now = draft() | {"apart": {}}
    same = next((title for title in EXAMPLES if example(title) == now), None)
    st.selectbox(
        "Start from",
        placeholder="your own comparison",
        **chosen("start_from", list(EXAMPLES), same, start),
    )
    st.button(
        "Load an experiment (JSON)",
        icon=":material/upload_file:",
        type="tertiary",
        key="load_json",
        on_click=transfer.ask_load,
    )


def start(draft: Draft, title: str) -> None:
    """Replace the draft by an example. The browser's Back brings the old one back."""
    draft.clear()
    draft.update(example(title))


def data() -> None:
    setup = draft()["setup"]
    now = DATASETS[setup["dataset"]]
    st.selectbox(
        "Data set",
        format_func=lambda name: f"{name}: {DATASETS[name].title}",
        label_visibility="collapsed",
        **chosen("dataset", list(DATASETS), setup["dataset"], set_dataset),
    )
    left, right = st.columns(2)
    left.number_input(
        "Examples",
        now.classes,
        now.train_size,
        step=100,
        help=f"For training, of {now.train_size:,}. Every seed draws its own. "
        f"The {now.test_size:,} test images stay the same.",
        **bound("train_size", setup["train_size"], into("train_size")),
    )
    right.number_input(
        "Wrong labels, %",
        0.0,
        90.0,
        step=5.0,
        format="%g",
        **bound("label_noise", round(100 * setup["label_noise"], 6), set_label_noise),
    )
    changed = sum(setup[one] != usual for one, usual in RARE.items())
    label = "More about the data" + (f" · {changed} set" if changed else "")
    with st.popover(label, icon=":material/tune:", type="tertiary", key="more_data"):
        rare(now.difficulty)


def set_label_noise(draft: Draft, percent: float) -> None:
    draft["setup"]["label_noise"] = round(percent / 100, 8)


RARE = {"imbalance": 1.0, "input_noise": 0.0, "preprocessing": "standardize"}


def rare(difficulty: float | None) -> None:
    setup = draft()["setup"]
    st.number_input(
        "Imbalance",
        1.0,
        1000.0,
        step=1.0,
        format="%g",
        help="How many examples of the most frequent class come on one of the rarest.",
        **bound("imbalance", float(setup["imbalance"]), into("imbalance")),
    )
    st.number_input(
        "Input noise",
        0.0,
        10.0,
        step=0.1,
        format="%g",
        help="Deviation of the normal noise on every pixel, in deviations of the pixels. 0: none.",
        **bound("input_noise", float(setup["input_noise"]), into("input_noise")),
    )
    if difficulty is not None:
        st.slider(
            "Difficulty",
            0.0,
            1.0,
            step=0.05,
            help="How much the drawn shapes overlap and vary.",
            **bound("difficulty", float(setup["difficulty"]), into("difficulty")),
        )
    st.selectbox(
        "Preprocessing",
        help="standardize: mean 0 and deviation 1 in every channel. scale: pixels from 0 to 1. "
        "raw: pixels as they are.",
        **chosen("preprocessing", PREPROCESSING, setup["preprocessing"], into("preprocessing")),
    )


def network() -> None:
    now = draft()["setup"]["network"]
    st.segmented_control(
        "Network",
        list(NETWORKS),
        format_func=NETWORKS.__getitem__,
        required=True,
        label_visibility="collapsed",
        width="stretch",
        **bound("network", now["kind"], set_network, default="default"),
    )
    depth, depth_help, width, width_help = DEPTHS[now["kind"]]
    left, right = st.columns(2)
    left.number_input(
        depth, 1, 100, help=depth_help, **bound("depth", now["depth"], into("network", "depth"))
    )
    right.number_input(
        width, 1, 4096, help=width_help, **bound("width", now["width"], into("network", "width"))
    )


def budget() -> None:
    now = draft()
    setup, unit = now["setup"], budget_of(now)
    st.segmented_control(
        "Budget",
        ["epochs", "steps", "seconds"],
        required=True,
        label_visibility="collapsed",
        width="stretch",
        **bound("budget", unit, set_budget, default="default"),
    )
    left, right = st.columns(2)
    if unit == "seconds":
        left.number_input(
            "Seconds",
            0.1,
            86_400.0,
            step=5.0,
            format="%g",
            help="Of training in every run; evaluation is not counted.",
            **bound("seconds", float(setup["seconds"]), into("seconds")),
        )
    else:
        most = 10_000 if unit == "epochs" else 10_000_000
        left.number_input(unit.capitalize(), 1, most, **bound(unit, setup[unit], into(unit)))
    right.number_input(
        "Batch",
        1,
        65_536,
        help="Examples of one step.",
        **bound("batch_size", setup["batch_size"], into("batch_size")),
    )
    left, right = st.columns(2)
    left.number_input(
        "Learning rate",
        1e-9,
        1000.0,
        step=0.01,
        format="%g",
        **bound("lr", float(setup["lr"]), into("lr")),
    )
    seeds(right)


def seeds(place: Any) -> None:
    now = draft()
    given = now["seeds"]
    place.number_input(
        "Seeds",
        1,
        max(len(given), MOST_RUNS // len(arms_of(now))),
        help=f"Every arm trains once per seed, here {words.seeds(given)}. A seed fixes the first "
        "weights, the order and the choice of the examples, so arms are compared seed by seed.",
        **bound("seeds", len(given), set_seeds),
    )


def device() -> None:
    row = store().worker()
    known = list((row.devices if row else None) or ("auto", "cpu"))
    now = draft()["setup"]["device"]
    names = {one: one for one in known}
    names.setdefault(now, f"{now} (not found here)")
    st.selectbox(
        "Device",
        format_func=lambda one: f"device: {names[one]}",
        label_visibility="collapsed",
        **chosen("device", list(names), now, into("device")),
    )
