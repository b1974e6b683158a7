"""From a plan, an experiment or a part of one to the draft that it describes."""

from __future__ import annotations

import copy
from typing import Any

from pages.parts.draft import (
    BUDGETS,
    SEEDS,
    UNTITLED,
    Draft,
    Knobs,
    arms_of,
    choices_of,
    gather,
    untuned,
)
from trainer.designs import DESIGNS, combined, held
from trainer.experiment import ExperimentError, Problem, parse
from trainer.problems import shown
from trainer.sweeps import problems, swept


def decode(data: Any) -> Draft:
    """The draft that a plan, an experiment or a part of one describes; what is left out is filled.

    Raises:
        ExperimentError: with every problem. Tricks that exclude each other are none here.
    """
    if not isinstance(data, dict):
        raise ExperimentError([Problem(place="", rule="a plan is a JSON object")])
    data = {key: value for key, value in data.items() if key != "id"}
    plan = {key: data.pop(key, None) for key in ("design", "fraction", "sweep", "tricks")}
    setup = data.get("setup", {})
    if isinstance(setup, dict) and not any(setup.get(one) is not None for one in BUDGETS):
        data["setup"] = setup | {"epochs": 60}
    blank = {"name": UNTITLED, "arms": [{"name": "baseline"}], "seeds": list(range(SEEDS))}
    wrong = []
    try:
        full = parse(blank | data, draft=True).dump()
    except ExperimentError as error:
        wrong = error.problems
    try:
        ticked = filled(plan["tricks"])
    except ExperimentError as error:
        wrong += error.problems
    if wrong := misplanned(plan) + wrong:
        raise ExperimentError(wrong)
    draft = {"margin": None, "tune": None} | full
    draft |= {"fraction": bool(plan["fraction"]), "sweep": None, "ticked": {}, "apart": {}}
    if draft["tune"] and plan["design"] != "sweep":
        untuned(draft)
    draft["design"] = "free"
    gather(draft)
    recognize(draft, plan, ticked)
    return draft


def misplanned(plan: dict[str, Any]) -> list[Problem]:
    """What is wrong with the part of a plan that no experiment has."""
    design, fraction = plan["design"], plan["fraction"]
    found = []
    if not (design is None or (isinstance(design, str) and design in DESIGNS)):
        rule = f"a design is {', '.join(DESIGNS)}"
        found.append(Problem(place="design", rule=rule, value=shown(design)))
    if not (fraction is None or isinstance(fraction, bool)):
        found.append(Problem(place="fraction", rule="is true or false", value=shown(fraction)))
    return found


def filled(tricks: Any) -> list[dict[str, Any]] | None:
    """The ticked tricks of a plan with all their knobs.

    Raises:
        ExperimentError: with every problem.
    """
    if tricks is None:
        return None
    arm = {"name": "ticked", "tricks": tricks}
    whole = {"name": "ticked", "setup": {"epochs": 1}, "arms": [arm], "seeds": [0]}
    try:
        found: list[dict[str, Any]] = parse(whole, draft=True).dump()["arms"][0]["tricks"]
    except ExperimentError as error:
        raise ExperimentError(
            [
                one.model_copy(update={"place": one.place.removeprefix("arms[0].")})
                for one in error.problems
            ]
        ) from error
    return found


def recognize(draft: Draft, plan: dict[str, Any], ticked: list[dict[str, Any]] | None) -> None:
    """Find the design that makes the arms of a free draft, if one does. A wanted one may have
    other names.

    Raises:
        ExperimentError: the plan has a sweep that does not fit its tricks.
    """
    arms, wanted = draft["arms"], plan["design"]
    for design in DESIGNS if wanted is None else [wanted]:
        for guess in guesses(design, arms, plan, ticked):
            made = draft | {"design": design} | guess
            now = arms_of(made)
            same = [bare(arm) for arm in now] == [bare(arm) for arm in arms]
            if now == arms or (wanted and same):
                draft.update(made | ({} if design == "free" else {"arms": []}))
                keep_sweep(draft, plan["sweep"])
                return
    keep_sweep(draft, None)


def bare(arm: dict[str, Any]) -> dict[str, Any]:
    """An arm without its name."""
    return {key: value for key, value in arm.items() if key != "name"}


def guesses(
    design: str, arms: list[dict[str, Any]], plan: dict[str, Any], ticked: Any
) -> list[Draft]:
    """What a draft of this design may hold, if it makes these arms."""
    if design == "free":
        return [{}]
    choices = held(arms) if ticked is None else ticked
    if design == "sweep":
        choices = held(arms[1:]) if ticked is None else ticked  # the baseline lacks one of them
        found = [one for one in (plan["sweep"], swept(arms)) if one and not problems(one, choices)]
        return [{"ticked": by_id(choices), "sweep": copy.deepcopy(one)} for one in found]
    if design == "every" and (fits := combined(arms)) and ticked is None:
        order, fraction = fits
        return [{"ticked": by_id(order), "fraction": fraction or bool(plan["fraction"])}]
    return [{"ticked": by_id(choices)}]


def by_id(choices: list[dict[str, Any]]) -> dict[str, Knobs]:
    return {one["id"]: dict(one["knobs"]) for one in choices}


def keep_sweep(draft: Draft, given: Any) -> None:
    """The sweep of another design is remembered, if it fits."""
    if draft["design"] == "sweep" or given is None:
        return
    if found := problems(given, choices_of(draft)):
        raise ExperimentError(
            [Problem(place=place, rule=rule, value=shown(value)) for place, rule, value in found]
        )
    draft["sweep"] = copy.deepcopy(given)
