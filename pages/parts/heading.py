"""The name of the comparison, edited in place, and what will run in words."""

from __future__ import annotations

import streamlit as st

from pages.parts import words
from pages.parts.draft import UNTITLED, Draft, budget_of
from pages.parts.session import bound, draft
from trainer.datasets import DATASETS
from trainer.names import tidied


def heading() -> None:
    """The question as the page's title, a pencil beside it, and the sentence under it."""
    now = draft()
    with st.container(horizontal=True, key="title", vertical_alignment="center", gap="small"):
        st.title(words.plain(now["name"]), anchor=False, width="content")
        with st.popover(":material/edit:", type="tertiary", key="rename", help="Edit the question"):
            st.text_input("The question", max_chars=80, **bound("name", now["name"], rename))
    with st.container(key="sentence"):
        st.markdown(sentence(now))


def rename(draft: Draft, name: str) -> None:
    draft["name"] = tidied(name) or UNTITLED


def sentence(draft: Draft) -> str:
    """What will run, for somebody who does not look at the sidebar."""
    return f"{learner(draft)} {data(draft)} {fairness(draft)}"


def learner(draft: Draft) -> str:
    net = draft["setup"]["network"]
    depth, width = net["depth"], net["width"]
    match net["kind"]:
        case "mlp":
            layers = words.count(depth, "hidden layer")
            return f"An MLP with {layers} of {words.count(width, 'unit')}"
        case "cnn":
            layers = words.count(depth, "convolution")
            return f"A CNN with {layers}, {words.count(width, 'channel')} in the first,"
        case _:
            blocks = words.count(depth, "block")
            return f"A ResNet of {blocks}, {words.count(width, 'channel')} in the first,"


def data(draft: Draft) -> str:
    """Which examples, and what is wrong with them."""
    setup = draft["setup"]
    known = DATASETS[setup["dataset"]]
    what = f"learns {setup['train_size']:,} {known.title}"
    flaws = []
    if setup["label_noise"]:
        flaws.append(f"{100 * setup['label_noise']:g} % of the labels wrong")
    if setup["imbalance"] != 1:
        flaws.append(f"the rarest class {setup['imbalance']:g} times rarer than the first")
    if setup["input_noise"]:
        flaws.append(f"noise of deviation {setup['input_noise']:g} on every pixel")
    if flaws:
        what += f" with {words.listed(flaws)}"
    clean = "clean ones" if setup["label_noise"] else "others"
    return f"{what}, and is tested on {known.test_size:,} {clean}."


def fairness(draft: Draft) -> str:
    """What every arm gets."""
    unit = budget_of(draft)
    amount = draft["setup"][unit]
    budget = {
        "epochs": words.count(amount, "epoch"),
        "steps": words.count(amount, "step"),
        "seconds": f"{amount:g} {'second' if amount == 1 else 'seconds'} of training",
    }[unit]
    seeds = len(draft["seeds"])
    tuned = " Each finds its own learning rate first." if draft.get("tune") else ""
    if seeds == 1:
        return f"Every arm gets the same single seed and the same {budget}.{tuned}"
    return f"Every arm gets the same {words.spelled(seeds)} seeds and the same {budget}.{tuned}"
