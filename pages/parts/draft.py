"""A draft: the comparison a person is planning, as plain data, before it is an experiment.

    {"name", "setup", "metric", "seeds", "margin", "tune",    as in an experiment, all filled in
     "design",                 one of trainer.designs.DESIGNS
     "fraction": bool,         of every combination at most 16
     "sweep": {"trick", "knob", "values"} or None,            see trainer/sweeps.py
     "ticked": {id: knobs},    the tricks that take part, in the order in which they were ticked
     "apart": {id: knobs},     what unticked tricks were set to, should they come back
     "arms": [...]}            the arms of the design "free"; the other designs make theirs

In a free design a trick is ticked when an arm holds it. Nothing here draws. Drafts come from
``pages/parts/decoding.py``.
"""

from __future__ import annotations

import copy
import math
from typing import Any

from trainer.datasets import DATASETS
from trainer.designs import MAKERS, arm_name, arms_in, combined, every, held
from trainer.experiment import CNN, MLP, Experiment, ResNet, Setup, Tune, parse
from trainer.names import tidied
from trainer.sweeps import knobs, sweep, usual
from tricks import catalog

Draft = dict[str, Any]
Knobs = dict[str, float | None]

NETWORKS = {"mlp": MLP, "cnn": CNN, "resnet": ResNet}
BUDGETS = ("epochs", "steps", "seconds")
SEEDS = 8
UNTITLED = "Untitled comparison"


def choices_of(draft: Draft) -> list[dict[str, Any]]:
    """The ticked tricks with their knobs."""
    return [{"id": one, "knobs": dict(knobs)} for one, knobs in draft["ticked"].items()]


def arms_of(draft: Draft) -> list[dict[str, Any]]:
    """The arms that the design makes of the ticked tricks, the baseline first.

    Of more tricks than it can combine it makes the baseline alone; a notice says so.
    """
    design, choices = draft["design"], choices_of(draft)
    if design == "free":
        return copy.deepcopy(draft["arms"])
    if design == "sweep":
        return sweep(choices, draft["sweep"])
    if design != "every":
        return MAKERS[design](choices)
    if arms_in(design, len(choices)) is None:
        return [{"name": "baseline", "tricks": []}]
    return every(choices, fraction=draft["fraction"])


def data_of(draft: Draft) -> dict[str, Any]:
    """The draft as the data of an experiment."""
    kept = {key: draft[key] for key in ("name", "setup", "seeds", "metric")}
    kept |= {key: draft[key] for key in ("margin", "tune") if draft[key] is not None}
    return copy.deepcopy(kept) | {"arms": arms_of(draft)}


def plan_of(draft: Draft) -> dict[str, Any]:
    """The draft as an address carries it."""
    plan = data_of(draft) | {"design": draft["design"]}
    if draft["fraction"]:
        plan["fraction"] = True
    if draft["sweep"] is not None:
        plan["sweep"] = copy.deepcopy(draft["sweep"])
    choices = choices_of(draft)
    first = 1 if draft["design"] == "sweep" else 0  # the baseline of a sweep lacks a trick
    told = held(plan["arms"][first:])
    if draft["design"] == "every" and (fits := combined(plan["arms"])):
        told = fits[0]
    if draft["design"] != "free" and told != choices:
        plan["tricks"] = choices  # the arms do not tell them, or not in this order
    return plan


def setup_of(draft: Draft) -> Setup:
    return Setup.model_validate(draft["setup"])


def experiment_of(draft: Draft) -> Experiment:
    """The draft as it stands, tricks in conflict included; :func:`parse` decides about a launch."""
    return parse(data_of(draft), draft=True)


# What a person does. Each of these keeps the draft one that ``decode`` would make.


def gather(draft: Draft) -> None:
    """Tick what the arms hold, with the knobs of the first arm that holds it."""
    ticked: dict[str, Knobs] = {}
    for arm in draft["arms"]:
        for one in arm["tricks"]:
            ticked.setdefault(one["id"], dict(one["knobs"]))
    gone = {one: knobs for one, knobs in draft["ticked"].items() if one not in ticked}
    draft["apart"].update(gone)
    draft["ticked"] = ticked
    settle(draft)


def settle(draft: Draft) -> None:
    """A sweep is about a trick that takes part; the design of that name has one."""
    swept = draft["sweep"]
    if swept and swept["trick"] is not None and swept["trick"] not in draft["ticked"]:
        draft["sweep"] = None
    if draft["design"] == "sweep" and draft["sweep"] is None:
        draft["sweep"] = dict(usual(*knobs(choices_of(draft))[0]))


def knobs_of(draft: Draft, trick: str) -> Knobs:
    """A trick's knobs as they stand, ticked or not."""
    known = draft["ticked"].get(trick) or draft["apart"].get(trick)
    return dict(known) if known else catalog()[trick]().values()


def tick(draft: Draft, trick: str, on: bool) -> None:
    """Let a trick take part or not. In a free design a new one gets an arm of its own."""
    if on == (trick in draft["ticked"]):
        return
    if draft["design"] == "free":
        if on:
            add_arm(draft, arm_name(trick), [trick])
        else:
            for arm in [arm for arm in draft["arms"] if holds(arm, trick)]:
                arm["tricks"] = [one for one in arm["tricks"] if one["id"] != trick]
                if not arm["tricks"] and arm is not draft["arms"][0]:
                    draft["arms"].remove(arm)
            gather(draft)
    elif on:
        draft["ticked"][trick] = knobs_of(draft, trick)
        draft["apart"].pop(trick, None)
    else:
        draft["apart"][trick] = draft["ticked"].pop(trick)
        settle(draft)


def set_knob(draft: Draft, trick: str, knob: str, value: float | None) -> None:
    """Turn a knob in every arm that holds the trick; a trick that is turned takes part."""
    tick(draft, trick, True)
    draft["ticked"][trick][knob] = value
    for arm in draft["arms"]:
        for one in arm["tricks"]:
            if one["id"] == trick:
                one["knobs"][knob] = value


def holds(arm: dict[str, Any], trick: str) -> bool:
    return any(one["id"] == trick for one in arm["tricks"])


def set_design(draft: Draft, design: str) -> None:
    """Change the design; a free one starts with the arms there are."""
    arms = arms_of(draft) if design == "free" else []
    draft["design"], draft["arms"] = design, arms
    settle(draft)


def set_fraction(draft: Draft, on: bool) -> None:
    draft["fraction"] = on


def set_swept(draft: Draft, target: tuple[str | None, str]) -> None:
    """Sweep another knob, at values that are worth a look."""
    draft["sweep"] = dict(usual(*target))


def set_values(draft: Draft, values: list[float]) -> None:
    """Sweep these values, smallest first."""
    draft["sweep"]["values"] = sorted(values)


def set_tune(draft: Draft, on: bool) -> None:
    """Tune the rate of every arm, or give it up. Rates of the arms' own begin anew."""
    draft["tune"] = Tune().model_dump(mode="json") if on else None
    if on:
        untuned(draft)


def untuned(draft: Draft) -> None:
    """Take the rates of the arms' own away: what is tuned starts from the common one."""
    for arm in draft["arms"]:
        arm.pop("lr_scale", None)


def free_name(draft: Draft, name: str, besides: int | None = None) -> str:
    """``name``, or ``name 2`` and so on if another arm has it."""
    taken = {arm["name"] for i, arm in enumerate(draft["arms"]) if i != besides}
    name = tidied(name)[:76].strip() or "arm"
    return next(
        one
        for one in (name, *(f"{name} {i}" for i in range(2, len(taken) + 3)))
        if one not in taken
    )


def add_arm(draft: Draft, name: str, tricks: list[str]) -> None:
    choices = [{"id": one, "knobs": knobs_of(draft, one)} for one in tricks]
    draft["arms"].append({"name": free_name(draft, name), "tricks": choices})
    gather(draft)


def copy_arm(draft: Draft, i: int) -> None:
    twin = copy.deepcopy(draft["arms"][i])
    twin["name"] = free_name(draft, twin["name"])
    draft["arms"].insert(i + 1, twin)


def remove_arm(draft: Draft, i: int) -> None:
    """Take an arm away; one is left, and the first is the baseline."""
    if len(draft["arms"]) > 1:
        del draft["arms"][i]
        gather(draft)


def move_arm(draft: Draft, i: int, to: int) -> None:
    """Another place for an arm. The first is the baseline."""
    draft["arms"].insert(to, draft["arms"].pop(i))
    gather(draft)


def set_arm_scale(draft: Draft, i: int, scale: float) -> None:
    """The factor of an arm on its own learning rate."""
    draft["arms"][i].pop("lr_scale", None)
    if scale != 1:
        draft["arms"][i]["lr_scale"] = float(scale)


def choose(draft: Draft, i: int, tricks: list[str]) -> None:
    """Give arm ``i`` these tricks; those it had keep their knobs."""
    had = {one["id"]: one for one in draft["arms"][i]["tricks"]}
    draft["arms"][i]["tricks"] = [
        had.get(one) or {"id": one, "knobs": knobs_of(draft, one)} for one in tricks
    ]
    gather(draft)


def set_arm_knob(draft: Draft, i: int, trick: str, knob: str, value: float | None) -> None:
    for one in draft["arms"][i]["tricks"]:
        if one["id"] == trick:
            one["knobs"][knob] = value
    gather(draft)


def set_seeds(draft: Draft, count: int) -> None:
    draft["seeds"] = list(range(count))


def set_metric(draft: Draft, metric: str) -> None:
    """Judge by another number. A margin in the old one's unit means nothing in it."""
    draft["metric"], draft["margin"] = metric, None


def set_margin(draft: Draft, margin: float | None) -> None:
    draft["margin"] = margin


def set_dataset(draft: Draft, name: str) -> None:
    """Change the data set and keep the number of examples, as far as the new one has them."""
    setup, data = draft["setup"], DATASETS[name]
    setup["dataset"] = name
    setup["train_size"] = max(data.classes, min(setup["train_size"], data.train_size))
    setup.pop("difficulty", None)
    if data.difficulty is not None:
        setup["difficulty"] = data.difficulty


def set_network(draft: Draft, kind: str) -> None:
    draft["setup"]["network"] = NETWORKS[kind]().model_dump()


def budget_of(draft: Draft) -> str:
    return next(one for one in BUDGETS if draft["setup"].get(one) is not None)


def set_budget(draft: Draft, unit: str) -> None:
    """Say the same budget in another unit; in seconds nobody knows, so ten."""
    setup = setup_of(draft)
    steps = setup.total_steps or setup.steps_per_epoch * 20
    for one in BUDGETS:
        draft["setup"].pop(one, None)
    draft["setup"][unit] = {
        "epochs": min(10_000, max(1, math.ceil(steps / setup.steps_per_epoch))),
        "steps": min(10_000_000, steps),
        "seconds": 10.0,
    }[unit]
