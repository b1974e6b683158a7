"""The arms that will run: a line for each, and the editor of free ones."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import arms, words
from pages.parts.draft import (
    Draft,
    add_arm,
    arms_of,
    choose,
    copy_arm,
    free_name,
    move_arm,
    remove_arm,
    set_arm_knob,
    set_arm_scale,
    setup_of,
)
from pages.parts.knobs import field, summary
from pages.parts.session import act, bound, draft
from trainer.designs import arm_name
from trainer.experiment import Arm
from trainer.rates import own_rate
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 8  # more arms than this are cut
FEW = 6  # to so many
MOST = 256  # an experiment has no more


def arm_list() -> None:
    """A line for each arm, cut when there are many."""
    now = arms_of(draft())
    free = draft()["design"] == "free"
    cut = len(now) > MANY and not st.session_state.get("all_arms")
    shown = now[:FEW] if cut else now
    with st.container(key="armlist", gap=None):
        if free:
            for i, arm in enumerate(shown):
                free_row(i, arm, now)
        else:
            st.html("".join(line(i, arm, now[0]) for i, arm in enumerate(shown)))
    with st.container(horizontal=True, key="arms_foot"):
        if len(now) > MANY:
            label = f"and {len(now) - FEW} more" if cut else "show fewer"
            st.button(label, type="tertiary", key="more_arms", on_click=toggle)
        if free:
            new_arm(len(now))


def toggle() -> None:
    st.session_state["all_arms"] = not st.session_state.get("all_arms")


def line(i: int, arm: dict[str, Any], baseline: dict[str, Any]) -> str:
    """Swatch, name, and what differs from the baseline, as HTML."""
    picture = base64.b64encode(arms.swatch(i, arms.color(i, arms.dark())).encode()).decode()
    what = differs(arm, baseline) if i else plain_net(arm)
    return (
        f'<div class="arm"><img alt="" src="data:image/svg+xml;base64,{picture}">'
        f"<b>{escape(arm['name'])}</b><span>{escape(what)}</span></div>"
    )


def plain_net(arm: dict[str, Any]) -> str:
    """What the baseline is."""
    if arm["tricks"]:
        rate = [f"rate {rate_of(arm):.3g}"] if "lr_scale" in arm else []
        return words.listed([described(one) for one in arm["tricks"]] + rate)
    return f"ReLU, Kaiming init, SGD {rate_of(arm):.4g}"


def rate_of(arm: dict[str, Any]) -> float:
    """The learning rate before any schedule."""
    made = Arm.model_validate(arm | {"name": "arm"})
    return own_rate(setup_of(draft()), made.left(), made.lr_scale)


def differs(arm: dict[str, Any], baseline: dict[str, Any]) -> str:
    """What an arm has that the baseline has not, and the other way round."""
    own = [one for one in arm["tricks"] if one not in baseline["tricks"]]
    ids = {one["id"] for one in arm["tricks"]}
    missing = [arm_name(one["id"]) for one in baseline["tricks"] if one["id"] not in ids]
    same_rate = arm.get("lr_scale") == baseline.get("lr_scale")
    if len(own) == 1 and not missing and same_rate and arm["name"] == arm_name(own[0]["id"]):
        return summary(catalog()[own[0]["id"]], own[0]["knobs"])
    said = [described(one) for one in own] + [f"without {one}" for one in missing]
    if said == [arm["name"]]:
        return ""
    if not same_rate:
        said.append(f"rate {rate_of(arm):.3g}")
    return ", ".join(said) or "the same as the baseline"


def described(choice: dict[str, Any]) -> str:
    """``mixup α 0.2``."""
    values = summary(catalog()[choice["id"]], choice["knobs"])
    return f"{arm_name(choice['id'])} {values}".strip()


# The free design.


def free_row(i: int, arm: dict[str, Any], now: list[dict[str, Any]]) -> None:
    with st.container(horizontal=True, key=f"arm_{i}", vertical_alignment="center", gap="small"):
        st.html(line(i, arm, now[0]))
        with st.popover(
            ":material/edit:",
            type="tertiary",
            key=f"edit_arm_{i}",
            on_change="rerun",
            help="Edit this arm",  # with its name in it, a new name would close the popover
        ) as place:
            if place.open:
                editor(i, arm, len(now))


def editor(i: int, arm: dict[str, Any], count: int) -> None:
    """Name, place, tricks, knobs and rate of one arm."""
    st.text_input("Name", max_chars=80, **bound(f"arm_name_{i}", arm["name"], renaming(i)))
    st.multiselect(
        "Tricks",
        sorted(catalog(), key=lambda one: catalog()[one].card.title),
        format_func=lambda one: catalog()[one].card.title,
        placeholder="none: the plain net",
        **bound(
            f"arm_tricks_{i}",
            [one["id"] for one in arm["tricks"]],
            choosing(i),
            default="default",
        ),
    )
    buttons(i, count)
    if draft()["tune"] is None:
        st.number_input(
            "Rate ×",
            1e-3,
            1000.0,
            step=0.5,
            format="%g",
            help="Factor on the learning rate of this arm, whether that is the setup's or its "
            f"optimizer's. Now it trains at {rate_of(arm):.4g}.",
            **bound(f"arm_scale_{i}", float(arm.get("lr_scale", 1.0)), scaling(i)),
        )
    for one in arm["tricks"]:
        trick = catalog()[one["id"]]
        for knob in trick.knobs():
            with st.container(key=f"arm_knob_{i}_{one['id']}_{knob.name}"):
                st.caption(trick.card.title)
                key = f"arm_{i}_{one['id']}_{knob.name}"
                field(knob, one["knobs"][knob.name], key, turning(i, one["id"], knob.name))


def buttons(i: int, count: int) -> None:
    """What moves, doubles and removes an arm."""
    with st.container(horizontal=True, gap="small"):
        if i:
            st.button(
                "Make it the baseline", key=f"base_arm_{i}", on_click=moving, args=(i, 0),
                help="The first arm is the baseline: every other is compared with it.",
            )  # fmt: skip
        for name, to in (("Up", i - 1), ("Down", i + 1)):
            if 0 <= to < count:
                icon = f":material/arrow_{name.lower()}ward:"
                key = f"{name.lower()}_arm_{i}"
                st.button(name, icon=icon, key=key, on_click=moving, args=(i, to))
        st.button(
            "Duplicate", icon=":material/content_copy:", key=f"copy_arm_{i}",
            on_click=act, args=(copy_arm, i), disabled=count >= MOST,
        )  # fmt: skip
        if count > 1:
            st.button(
                "Remove", icon=":material/delete:", key=f"remove_arm_{i}",
                on_click=removing, args=(i,),
            )  # fmt: skip


def renaming(i: int) -> Callable[[Draft, str], None]:
    def write(draft: Draft, name: str) -> None:
        if name.strip():
            draft["arms"][i]["name"] = free_name(draft, name, besides=i)

    return write


def choosing(i: int) -> Callable[[Draft, list[str]], None]:
    return lambda draft, tricks: choose(draft, i, tricks)


def turning(i: int, trick: str, knob: str) -> Callable[[Draft, float | None], None]:
    return lambda draft, value: set_arm_knob(draft, i, trick, knob, value)


def scaling(i: int) -> Callable[[Draft, float], None]:
    return lambda draft, scale: set_arm_scale(draft, i, scale)


def moving(i: int, to: int) -> None:
    """Move an arm, and its popover with it."""
    st.session_state[f"edit_arm_{i}"] = False
    st.session_state[f"edit_arm_{to}"] = True
    act(move_arm, i, to)


def removing(i: int) -> None:
    """Remove an arm, and close its popover: the next arm moves into its place."""
    st.session_state[f"edit_arm_{i}"] = False
    act(remove_arm, i)


def new_arm(count: int) -> None:
    st.button(
        "Add an arm",
        icon=":material/add:",
        type="tertiary",
        key="add_arm",
        help="With all ticked tricks; its pencil changes what it holds.",
        disabled=count >= MOST,
        on_click=act,
        args=(add_ticked,),
    )


def add_ticked(draft: Draft) -> None:
    add_arm(draft, f"arm {len(draft['arms'])}", list(draft["ticked"]))
