"""The setup of an experiment that was launched: to read, not to change."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import words
from trainer.experiment import pack
from trainer.results import took

if TYPE_CHECKING:
    from pages.parts.reader import Look
    from trainer.experiment import Experiment, Setup

NETWORKS = {"mlp": "MLP", "cnn": "CNN", "resnet": "ResNet"}


def setup_list(look: Look) -> None:
    """The definition list, and the way back to planning with everything filled in."""
    experiment = look.row.experiment
    st.header("Setup", anchor=False)
    rows = "".join(
        f"<dt>{escape(word)}</dt><dd>{escape(text)}</dd>" for word, text in terms(look).items()
    )
    st.html(f'<dl class="tb-setup">{rows}</dl>')
    st.button(
        "Change and launch again",
        icon=":material/edit:",
        key="change",
        width="stretch",
        on_click=change,
        args=(experiment,),
        help="Opens the plan with this setup. Runs that are done already are not trained twice.",
    )
    st.button(
        "New comparison",
        icon=":material/add:",
        key="fresh",
        type="tertiary",
        on_click=fresh,
    )


def fresh() -> None:
    st.session_state.pop("opened", None)
    st.query_params.clear()


def change(experiment: Experiment) -> None:
    st.session_state.pop("opened", None)
    st.query_params.from_dict({"plan": pack(experiment.dump())})


def terms(look: Look) -> dict[str, str]:
    """The setup in words; what is as usual is left out."""
    experiment = look.row.experiment
    setup = experiment.setup
    net = setup.network
    found = {"Data": f"{setup.dataset}, {setup.train_size:,} examples"}
    if setup.label_noise:
        found["Wrong labels"] = f"{words.short(100 * setup.label_noise)} %"
    if setup.imbalance != 1:
        found["Imbalance"] = f"{words.short(setup.imbalance)} to 1"
    if setup.input_noise:
        found["Input noise"] = f"deviation {words.short(setup.input_noise)}"
    if setup.difficulty is not None:
        found["Difficulty"] = words.short(setup.difficulty)
    if setup.preprocessing != "standardize":
        found["Inputs"] = {"scale": "scaled to 0 to 1", "raw": "raw"}[setup.preprocessing]
    found["Network"] = f"{NETWORKS[net.kind]}, {net.depth} × {net.width}"
    found["Budget"] = f"{budget(setup)}, batch {setup.batch_size:,}"
    found["Rate"] = rate(look)
    same = ", the same in every arm" if len(experiment.arms) > 1 else ""
    found["Seeds"] = words.seeds(experiment.seeds) + same
    found["Device"] = device(look)
    if experiment.metric == "test_loss":
        found["Judged by"] = "test loss"
    if experiment.margin is not None:
        found["Margin"] = f"± {margin(experiment)}"
    if (took := foretold(look)) is not None:
        found["Time"] = took
    return found


def rate(look: Look) -> str:
    """The learning rate that all arms begin with, unless each has its own."""
    experiment = look.row.experiment
    if experiment.tune is not None:
        return "being tuned per arm" if look.row.tuning else "tuned per arm"
    lr = words.short(experiment.setup.lr)
    scales = {arm.lr_scale for arm in experiment.arms}
    return lr if scales == {1.0} else f"{lr}, scaled by arm"


def margin(experiment: Experiment) -> str:
    """The largest difference that counts as none, in the metric's unit."""
    size = experiment.margin or 0.0
    if experiment.metric == "test_accuracy":
        return f"{words.short(100 * size)} points"
    return f"{words.short(size)} of test loss"


def foretold(look: Look) -> str | None:
    """What the launch said of the time, and what it was: once all is done."""
    estimate = look.row.estimate
    if estimate is None or look.state != "done":
        return None
    seconds = took(look.row, look.runs, look.trials)
    if seconds is None:
        return None
    said, was = (words.seconds(one).replace(" ", "\u00a0") for one in (estimate, seconds))
    return f"foretold {said}, took {was}"


def budget(setup: Setup) -> str:
    """What every arm gets."""
    if setup.epochs is not None:
        return words.count(setup.epochs, "epoch")
    if setup.steps is not None:
        return words.count(setup.steps, "step")
    assert setup.seconds is not None
    return f"{words.seconds(setup.seconds)} of training"


def device(look: Look) -> str:
    """Where the runs are trained, as far as it is known."""
    used = sorted({run.device for run in look.runs if run.device})
    names = {"cpu": "CPU", "auto": "the fastest there is"}
    used = used or [look.row.experiment.setup.device]
    shown = words.listed([names.get(one, one) for one in used])
    worker = look.worker[1]
    if worker is None or not worker.alive or not look.active:
        return shown
    return f"{shown}, {words.count(worker.slots, 'worker')}"
