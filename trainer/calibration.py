"""How sure and how right networks are, over the reports of several runs. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trainer import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
    Report = dict[str, Any]

FEWEST_SHOWN = 1.0  # images of a bin, in the mean of the runs: fewer say nothing


def bins(reports: Sequence[Report]) -> tuple[Numbers, Numbers, Numbers]:
    """Mean confidence, accuracy and share of the bins that have images, over all runs."""
    table = np.array(
        [[[0 if one is None else one for one in row] for row in report["calibration"]["bins"]]
         for report in reports], float
    )  # fmt: skip
    count = table[:, :, 2].sum(axis=0)
    here = count >= FEWEST_SHOWN * len(reports)
    weights = table[:, here, 2]
    sure, right = ((table[:, here, i] * weights).sum(axis=0) / count[here] for i in (0, 1))
    return sure, right, count[here] / count.sum()


def in_words(reports: Sequence[Report]) -> str:
    """``ECE 1.4 %, too sure``: the error, and which way it goes."""
    error = float(np.mean([report["ece"] for report in reports]))
    sure, right, share = bins(reports)
    lean = float(((sure - right) * share).sum())
    way = ""
    if abs(lean) > error / 2 and error >= 0.01:
        way = ", too sure" if lean > 0 else ", not sure enough"
    return f"ECE {words.percent(error)}{way}"
