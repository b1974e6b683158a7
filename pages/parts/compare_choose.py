"""The controls of the comparing page: which experiments, how grouped, against what."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import board, view, words
from pages.parts.absent import absent
from pages.parts.compare_address import EVERY, LATEST, METRICS, control, put
from pages.parts.evidence import setup_words
from trainer import comparing
from trainer.differences import NETWORKS
from trainer.groupnames import ALL, ARM, key_words
from tricks import catalog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.parts.compare_address import Wish
    from pages.parts.compare_scene import Scene
    from pages.parts.view import View
    from trainer.store import ExperimentRow

MARKS = {LATEST: "the newest one", EVERY: "every experiment"}


def controls(wish: Wish, known: Sequence[ExperimentRow], scene: Scene | None) -> View | None:
    """Two rows: of what, and how. None: there is nothing to draw yet."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare-of"):
        experiments(wish, known)
        if wish.experiments:
            filters(wish, known)
    if scene is None:
        return None
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare-how"):
        grouping(scene)
        baseline(scene)
        metric(scene)
        return drawing()


def experiments(wish: Wish, known: Sequence[ExperimentRow]) -> None:
    """The field that finds experiments by name, data, network or trick."""
    names = {row.id: label(row) for row in known}
    listed = [one for one in wish.experiments if one in names or one in MARKS]
    st.multiselect(
        "Experiments",
        [*names, *MARKS],
        format_func=lambda one: MARKS.get(one) or names.get(one, one),
        placeholder="Find by name, data, network",
        **control("experiments", listed),
    )


def label(row: ExperimentRow) -> str:
    """What the field shows and finds: name, setup, age."""
    return f"{row.name} · {setup_words(row.experiment.setup)} · {board.ago(row.created_at)}"


def grouping(scene: Scene) -> None:
    """By what runs are put together."""
    st.multiselect(
        "Group by",
        comparing.keys_of(scene.entries),
        format_func=key_words,
        help="Runs that are alike in all of these form a group; their seeds are averaged. A "
        "setting that stands here may differ between groups: then it is the question.",
        placeholder="Arm, experiment, setting, knob",
        **control("group", list(scene.keys)),
    )


def baseline(scene: Scene) -> None:
    """Which group the others are measured against."""
    names = {one.key: one.label for one in scene.groups}
    st.selectbox(
        "Measured against",
        list(names),
        format_func=lambda key: names.get(key, key),
        help="The baseline of this page, gray in every chart.",
        **control("base", scene.base.key),
    )


def metric(scene: Scene) -> None:
    names = {"test_accuracy": "test accuracy", "test_loss": "test loss"}
    st.selectbox(
        "Judged by",
        METRICS,
        format_func=lambda one: names[one],
        **control("metric", scene.metric),
    )


def filters(wish: Wish, known: Sequence[ExperimentRow]) -> None:
    """What of the chosen experiments is looked at."""
    count = f" · {wish.filters}" if wish.filters else ""
    setups = [row.experiment.setup for row in known]
    tricks = {one.id for row in known for arm in row.experiment.arms for one in arm.tricks}
    with st.popover(f"Filter{count}", icon=":material/filter_alt:", key="compare_filter"):
        st.multiselect(
            "Data", with_own({one.dataset for one in setups}, wish.data),
            **control("data", list(wish.data)),
        )  # fmt: skip
        st.multiselect(
            "Network", with_own({one.network.kind for one in setups}, wish.network),
            format_func=lambda one: NETWORKS.get(one, one),
            **control("network", list(wish.network)),
        )  # fmt: skip
        st.multiselect(
            "Trick", with_own(tricks, wish.trick), format_func=trick_title,
            help="Arms with one of these, and the baselines, to measure them against.",
            **control("trick", list(wish.trick)),
        )  # fmt: skip
        st.text_input(
            "Text", placeholder="In names of experiments, arms and tricks",
            **control("text", wish.text),
        )  # fmt: skip
        if wish.filters:
            st.button("Clear the filters", on_click=clear, key="compare_clear")


def with_own(known: set[str], own: Sequence[str]) -> list[str]:
    """All there is to choose, and what an address has chosen although it is gone."""
    return sorted(known | set(own))


def trick_title(trick: str) -> str:
    return catalog()[trick].card.title if trick in catalog() else trick


def clear() -> None:
    for name in ("data", "network", "trick", "text", "state"):
        put(name, "")


def drawing() -> View:
    """How the curves are drawn: the same settings as of an experiment."""
    with st.popover("View", icon=":material/tune:", key="compare_view"):
        return view.settings()


# What stands there when there is nothing to compare yet, or not all of it.


def nothing_launched() -> None:
    with st.container(border=True, key="nothing-yet"):
        st.markdown(
            "Nothing has been launched here yet. Every comparison that is launched in the lab can "
            "be put beside others here."
        )
        if st.button("Open the lab", type="primary", icon=":material/science:"):
            st.switch_page("lab.py")


def nothing_chosen(known: Sequence[ExperimentRow]) -> None:
    with st.container(border=True, key="nothing-chosen"):
        st.markdown(
            "**Choose experiments above** to put their runs side by side, or select several on the "
            "runs page. Arms of the same content become one group, and a run that two experiments "
            "share counts once."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("The newest one", on_click=put, args=("experiments", [LATEST]), key="newest")
            if len(known) > 1:
                newest = [row.id for row in known[:2]]
                st.button("The newest two", on_click=put, args=("experiments", newest))
            st.page_link("runs.py", label="All runs", icon=":material/stacks:")


def nothing_left(wish: Wish) -> None:
    of = f", which ask for runs that are {words.listed(wish.state, 'or')}" if wish.state else ""
    with st.container(border=True, key="nothing-left"):
        st.markdown(f"No run of these experiments passes the filters{words.plain(of)}.")
        st.button("Clear the filters", on_click=clear, key="clear_filters")


def no_runs() -> None:
    with st.container(border=True, key="no-runs"):
        st.markdown("These experiments have no runs yet. They appear here as soon as they do.")


def gone(wish: Wish, missing: Sequence[str]) -> None:
    """Experiments that the address names and the store does not know."""
    left = [one for one in wish.experiments if one not in missing]
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="gone"):
        st.markdown(absent(missing))
        st.button("Leave it out" if len(missing) == 1 else "Leave them out",
                  on_click=put, args=("experiments", left), key="leave_out")  # fmt: skip


def unknown_keys(wish: Wish, scene: Scene) -> None:
    """Keys in the address by which these runs cannot be grouped."""
    unknown = [one for one in wish.group if one not in scene.keys]
    if not unknown:
        return
    names = words.listed([words.code(one) for one in unknown], "or")
    by = words.listed([key_words(key).lower() for key in scene.keys])
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="bad-keys"):
        st.markdown(f"No run here has {names} to group by. Groups are by {by} instead.")
        st.button("Group as usual", on_click=partial(put, "group", ""), key="as_usual")


def unfair(scene: Scene) -> None:
    """Which groups cannot be compared with the base and why; how to see them all the same."""
    refused = scene.refused
    if not refused:
        return
    reasons: dict[str, int] = {}
    for one in refused:
        for item in one.refused:
            reasons[item.text] = reasons.get(item.text, 0) + 1
    with st.container(border=True, key="unfair"):
        st.markdown(unfair_words(scene, reasons))
        with st.container(horizontal=True):
            if scene.wish.apart:
                st.button("Leave them out", key="together", on_click=put, args=("apart", False))
            else:
                st.button("Show them apart", key="apart", on_click=put, args=("apart", True))
            for key in ways(scene):
                st.button(
                    f"Compare by {key_words(key)[0].lower()}{key_words(key)[1:]}",
                    key=f"by_{key}",
                    on_click=put,
                    args=("group", [*scene.keys, key]),
                    help="It is the question then: verdicts say that it differs by design.",
                )
            if any(item.kind == "mixed" for one in refused for item in one.refused):
                st.button("Group by all but the seed", key="by_all", on_click=put,
                          args=("group", [ALL]))  # fmt: skip


def unfair_words(scene: Scene, reasons: dict[str, int]) -> str:
    """**These two cannot be compared:** 400 against 1,000 training examples."""
    refused, base = scene.refused, words.plain(scene.base.label)
    some = sorted(reasons, key=lambda one: -reasons[one])
    several = len(refused) > 1 and len(some) > 1
    said = [words.plain(one) + (f" ({reasons[one]})" if several else "") for one in some[:4]]
    if len(some) > 4:
        said.append(f"and {words.count(len(some) - 4, 'more reason')}")
    what = "; ".join(said)
    if len(scene.groups) == 2:
        head = "These two cannot be compared"
    else:
        others = len(scene.groups) - 1
        few = "1 group" if len(refused) == 1 else f"{len(refused)} of {others} groups"
        head = f"{few} cannot be compared with {base}"
    if scene.wish.apart:
        end = "They are shown apart, without differences and verdicts."
    elif scene.bare:
        end = "Their curves are not drawn together."
    else:
        end = "They are left out of the table and the curves."
    if len(refused) == 1 and not scene.bare:
        end = end.replace("They are", "It is")
    return f"**{head}:** {what}. {end}"


def ways(scene: Scene) -> list[str]:
    """Settings that would make the refused comparable, were they the question."""
    known = comparing.keys_of(scene.entries)
    found: dict[str, None] = {}
    for one in scene.refused:
        if len(one.refused) == 1 and (key := setting(one.refused[0].key, scene)) in known:
            found[key] = None
    return [key for key in found if key not in scene.keys and key != ARM][:3]


def setting(key: str, scene: Scene) -> str:
    """The key of a setup that a difference is about; of the budget, the base's unit."""
    if key == "budget":
        return next((one for one in ("epochs", "steps", "seconds")
                     if scene.base.settings.get(one, [None]) != [None]), "")  # fmt: skip
    return "" if key in ("dataset", "difficulty", "input_noise", "task") else key
