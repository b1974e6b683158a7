"""How the learning rate of each arm was found: every scale that was tried, and what it came to."""

from __future__ import annotations

from collections import defaultdict
from html import escape
from statistics import fmean
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts import arms, words
from pages.parts.sheet import sheet
from trainer.measure import Measure
from trainer.rates import own_rate
from trainer.results import untunable
from trainer.sentences import capital

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.parts.reader import Look
    from trainer.store import RunRow

PENDING = {"waiting": "", "running": "…", "paused": "‖"}


def tuned(look: Look) -> None:
    """Open while the rates are looked for; afterwards folded, since it is not the answer."""
    if look.row.experiment.tune is None or not look.trials:
        return
    if look.row.tuning:
        with st.container(key="tuning"):
            sheet(page(look), key="trials")
        return
    with st.expander("How the rates were found", key="tuned"):
        sheet(page(look), key="trials")


def page(look: Look) -> str:
    """The sentences and the table, as HTML."""
    said = " ".join(escape(one) for one in told(look))
    return f"<p>{said}</p><div class='scroll'>{table(look)}</div>"


def told(look: Look) -> list[str]:
    """What was done, and where the answer is not one."""
    experiment = look.row.experiment
    assert experiment.tune is not None
    seeds = words.count(experiment.tune.seeds, "seed")
    rates = words.count(len(experiment.tune.scales), "rate")
    metric = experiment.metric.replace("_", " ")
    takes = "is compared with" if look.row.tuning else "was compared with"
    said = [
        f"Every arm {'is' if look.row.tuning else 'was'} trained with {rates} on {seeds} of "
        f"{'its' if experiment.tune.seeds == 1 else 'their'} own, which count nowhere else; the "
        f"rate with the best mean {metric} is the one it {takes}."
    ]
    if look.row.tuning:
        return said
    for scale, which in ((min(experiment.tune.scales), "smallest"),
                         (max(experiment.tune.scales), "largest")):  # fmt: skip
        if at := [arm for arm, found in (look.row.tuned or {}).items() if found == scale]:
            who = "Every arm" if len(at) == len(experiment.arms) > 1 else named(at)
            beyond = "smaller" if which == "smallest" else "larger"
            said.append(f"{who} took the {which} rate tried: a {beyond} one may be better.")
    if lost := untunable(look.trials):
        said.append(f"No trial of {words.listed(lost)} came to its end, so its rate was kept.")
    return said


def named(found: Sequence[str]) -> str:
    """The names of some arms, as they begin a sentence."""
    return words.listed([capital(found[0]), *found[1:]])


def table(look: Look) -> str:
    """A row for each arm, a column for each scale; in each cell the mean and every seed."""
    experiment = look.row.experiment
    assert experiment.tune is not None
    scales = sorted(set(experiment.tune.scales))
    cells: dict[tuple[int, float], list[RunRow]] = defaultdict(list)
    for one in look.trials:
        cells[one.arm, one.scale].append(one.run)
    measure = Measure(accuracy=experiment.metric == "test_accuracy")
    head = "".join(f"<th scope='col'>× {words.short(scale)}</th>" for scale in scales)
    rows = []
    for i, arm in enumerate(experiment.arms):
        chosen = (look.row.tuned or {}).get(arm.name)
        own = "".join(cell(look, cells[i, scale], scale == chosen) for scale in scales)
        rate = "" if chosen is None else rate_of(look, i, chosen)
        rows.append(
            f"<tr><th scope='row'>{arms.swatch(i)}{escape(arm.name)}</th>{own}<td>{rate}</td></tr>"
        )
    n = words.count(experiment.tune.seeds, "seed")
    several = " several" if experiment.tune.seeds > 1 else ""
    mean = f"mean of {n}, below it each seed" if experiment.tune.seeds > 1 else n
    return (
        f"<table class='tuning{several}'><caption>Trials of the learning rates</caption><thead>"
        f"<tr><th scope='col'>{measure.title}, {mean}</th>{head}<th scope='col'>rate taken</th>"
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def cell(look: Look, runs: Sequence[RunRow], chosen: bool) -> str:
    """The mean over the seeds that are done, and each of them; the chosen one says so."""
    metric = look.row.experiment.metric
    values = [run.metrics[metric] for run in runs if run.state == "done" and metric in run.metrics]
    each = [shown(look, run) for run in runs]
    lost = {run.state for run in runs} & {"diverged", "failed"}
    whole = number(look, fmean(values)) if values and not lost else " and ".join(sorted(lost))
    if len(values) < len(runs) and not lost:
        whole = ""
    mark = "<i>chosen</i>" if chosen else ""
    told = len(runs) > 1 and not (lost and set(each) == {whole})
    under = f"<small>{', '.join(one for one in each if one)}</small>" if told else ""
    if len(runs) == 1 and not whole:
        whole = each[0]
    return f"<td{' class=chosen' if chosen else ''}><b>{whole}</b>{mark}{under}</td>"


def shown(look: Look, run: RunRow) -> str:
    """One trial: its number, or the state it is in."""
    value = run.metrics.get(look.row.experiment.metric)
    if run.state == "done" and value is not None:
        return number(look, value)
    return PENDING.get(run.state, run.state)


def number(look: Look, value: float) -> str:
    return Measure(accuracy=look.row.experiment.metric == "test_accuracy").value(value)


def rate_of(look: Look, i: int, scale: float) -> str:
    """The rate that an arm begins with, its optimizer's or the setup's times its scale."""
    experiment = look.row.experiment
    return words.short(own_rate(experiment.setup, experiment.arms[i].left(), scale), 3)
