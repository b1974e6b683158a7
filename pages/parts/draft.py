"""A draft: the comparison a person is planning, as plain data, before it is an experiment.

    {"name", "setup", "metric", "seeds", "design",   as in an experiment, all defaults filled in
     "ticked": {id: knobs},    the tricks that take part, in the order in which they were ticked
     "apart": {id: knobs},     what unticked tricks were set to, should they come back
     "arms": [...]}            the arms of the design "free"; the other designs make theirs

In a free design a trick is ticked when an arm holds it. Nothing here draws.
"""

from __future__ import annotations

import copy
import math
from typing import Any

from trainer.datasets import DATASETS
from trainer.designs import DESIGNS, MAKERS, arm_name
from trainer.experiment import (
    CNN,
    MLP,
    Experiment,
    ExperimentError,
    Problem,
    ResNet,
    Setup,
    parse,
)
from tricks import catalog

Draft = dict[str, Any]
Knobs = dict[str, float | None]

NETWORKS = {"mlp": MLP, "cnn": CNN, "resnet": ResNet}
BUDGETS = ("epochs", "steps", "seconds")
SEEDS = 8
UNTITLED = "Untitled comparison"


def decode(data: Any) -> Draft:
    """The draft that a plan, an experiment or a part of one describes; what is left out is filled.

    Raises:
        ExperimentError: with every problem. Tricks that exclude each other are none here.
    """
    if not isinstance(data, dict):
        raise ExperimentError([Problem(place="", rule="a plan is a JSON object")])
    data = {key: value for key, value in data.items() if key != "id"}
    design = data.pop("design", None)
    problems = []
    if not (design is None or (isinstance(design, str) and design in DESIGNS)):
        rule = f"a design is {', '.join(DESIGNS)}"
        problems.append(Problem(place="design", rule=rule, value=repr(design)[:80]))
    setup = data.get("setup", {})
    if isinstance(setup, dict) and not any(setup.get(one) is not None for one in BUDGETS):
        data["setup"] = setup | {"epochs": 60}
    blank = {"name": UNTITLED, "arms": [{"name": "baseline"}], "seeds": list(range(SEEDS))}
    try:
        full = parse(blank | data, draft=True).dump()
    except ExperimentError as error:
        raise ExperimentError(problems + error.problems) from error
    if problems:
        raise ExperimentError(problems)
    draft = full | {"design": design_of(full["arms"], design), "ticked": {}, "apart": {}}
    gather(draft)
    if draft["design"] != "free":
        draft["arms"] = []
    return draft


def design_of(arms: list[dict[str, Any]], wanted: str | None) -> str:
    """The design that makes these arms, else ``free``. A wanted one may have other names."""
    held: dict[str, dict[str, Any]] = {}
    for arm in arms:
        for one in arm["tricks"]:
            held.setdefault(one["id"], one)
    for name, make in MAKERS.items():
        if wanted not in (None, name):
            continue
        made = make(list(held.values()))
        if made == arms:
            return name
        if wanted and [arm["tricks"] for arm in made] == [arm["tricks"] for arm in arms]:
            return name
    return "free"


def arms_of(draft: Draft) -> list[dict[str, Any]]:
    """The arms that the design makes of the ticked tricks, the baseline first."""
    if draft["design"] == "free":
        return copy.deepcopy(draft["arms"])
    choices = [{"id": one, "knobs": dict(knobs)} for one, knobs in draft["ticked"].items()]
    return MAKERS[draft["design"]](choices)


def data_of(draft: Draft) -> dict[str, Any]:
    """The draft as the data of an experiment."""
    kept = {key: draft[key] for key in ("name", "setup", "seeds", "metric")}
    return copy.deepcopy(kept) | {"arms": arms_of(draft)}


def plan_of(draft: Draft) -> dict[str, Any]:
    """The draft as an address carries it."""
    return data_of(draft) | {"design": draft["design"]}


def setup_of(draft: Draft) -> Setup:
    return Setup.model_validate(draft["setup"])


def experiment_of(draft: Draft) -> Experiment:
    """The draft as it stands, tricks in conflict included; :func:`parse` decides about a launch."""
    return parse(data_of(draft), draft=True)


# What a person does. Each of these keeps the draft one that `decode` would make.


def gather(draft: Draft) -> None:
    """Tick what the arms hold, with the knobs of the first arm that holds it."""
    ticked: dict[str, Knobs] = {}
    for arm in draft["arms"]:
        for one in arm["tricks"]:
            ticked.setdefault(one["id"], dict(one["knobs"]))
    gone = {one: knobs for one, knobs in draft["ticked"].items() if one not in ticked}
    draft["apart"].update(gone)
    draft["ticked"] = ticked


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


def free_name(draft: Draft, name: str, besides: int | None = None) -> str:
    """``name``, or ``name 2`` and so on if another arm has it."""
    taken = {arm["name"] for i, arm in enumerate(draft["arms"]) if i != besides}
    name = name.strip()[:76] or "arm"
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
    """Take an arm away; the baseline stays."""
    if i:
        del draft["arms"][i]
        gather(draft)


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
