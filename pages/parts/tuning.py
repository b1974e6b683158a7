"""The learning rate of the arms: one for all, or tuned for each; and whom one rate may favor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import words
from pages.parts.cost import Cost, cost_of, duration
from pages.parts.draft import Draft, experiment_of, set_tune
from pages.parts.home import store, worker
from pages.parts.numbers import number_list
from pages.parts.session import act, bound, draft, side_popover
from trainer.devices import cores
from trainer.experiment import Tune
from trainer.fairness import doubts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.fairness import Doubt

NAMES = {False: "one rate", True: "tuned per arm"}
MOST = 3  # tricks that are named; more are counted


def choice() -> None:
    """The switch, and how rates are looked for when they are."""
    tune = draft()["tune"]
    st.segmented_control(
        "Learning rate of the arms",
        list(NAMES),
        format_func=NAMES.__getitem__,
        required=True,
        label_visibility="collapsed",
        width="stretch",
        **bound("tune", tune is not None, set_tune, default="default"),
    )
    if tune is None:
        return
    label = f"{len(tune['scales'])} rates on {words.count(tune['seeds'], 'seed')}"
    with side_popover("tune_how", label, ":material/tune:"):
        how(tune)


def how(tune: dict[str, Any]) -> None:
    """The rates that are tried, and on how many seeds."""
    st.caption(
        "Before the comparison every arm tries its learning rate times each of these, on seeds "
        "that are not compared, and keeps the best."
    )
    number_list(
        "Times the rate",
        "tune_scales",
        tune["scales"],
        set_scales,
        scale_problem,
        least=2,
        most=20,
    )
    st.number_input(
        "Seeds to tune on", 1, 100, **bound("tune_seeds", tune["seeds"], set_tuning_seeds)
    )


def scale_problem(value: float) -> str | None:
    return None if 0 < value <= 1000 else "a factor goes from above 0 to 1000"


def set_scales(draft: Draft, scales: list[float]) -> None:
    if draft["tune"] is not None:
        draft["tune"]["scales"] = scales


def set_tuning_seeds(draft: Draft, count: int) -> None:
    if draft["tune"] is not None:
        draft["tune"]["seeds"] = count


def hint() -> None:
    """Whom one rate may favor, and the way to a fair comparison. Nothing where all is fair."""
    now = draft()
    if now["tune"] is not None or (now["design"] == "sweep" and now["sweep"]["trick"] is None):
        return
    experiment = experiment_of(now)
    found = doubts(experiment.setup, experiment.arms)
    if not found:
        return
    runs, time = more(now)
    with st.container(key="rate_hint", gap="small"):
        st.caption(
            f"**One rate, {now['setup']['lr']:g}, for all arms.** It may favor the baseline if it "
            f"was tuned for it: {said(found)}. Tune per arm to be fair: {runs}{time}."
        )
        st.button("Tune per arm", key="tune_now", on_click=act, args=(set_tune, True))


def said(found: Sequence[Doubt]) -> str:
    """``Batch norm stands larger rates, and Adam and Lion have rates of their own``."""
    parts = []
    for one in found[:MOST]:
        names = list(one.tricks[:MOST])
        if len(one.tricks) > MOST:
            names.append(f"{len(one.tricks) - MOST} more")
        several = len(one.tricks) > 1
        parts.append(f"{words.listed(names)} {one.of_several if several else one.of_one}")
    return words.plain(", ".join(parts[:-1]) + ", and " + parts[-1] if parts[1:] else parts[0])


def more(now: Draft) -> tuple[str, str]:
    """What tuning would add: ``40 more runs``, and ``, about 25 s`` if that is known."""
    tuned = experiment_of(now | {"tune": Tune().model_dump(mode="json")})
    row = worker()[1]
    slots = row.slots if row else cores()
    cost, plain = (cost_of(store(), one, slots) for one in (tuned, experiment_of(now)))
    added = max(0, cost.new - plain.new)
    if cost.seconds is None or plain.seconds is None or not added:
        return words.count(cost.tuning, "more run"), ""
    seconds = max(0.0, cost.seconds - plain.seconds)
    apart = max(1, (cost.processes or 0) - (plain.processes or 0))
    extra = Cost(runs=added, new=added, under_way=0, seconds=seconds, processes=apart)
    return words.count(added, "more run"), f", {duration(extra, slots)}"
