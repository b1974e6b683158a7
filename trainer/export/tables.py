"""Everything an experiment measured, as tables: points, runs, and the same of trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.names import cell, id_cell
from trainer.provenance import TITLES, of_report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from trainer.experiment import Arm
    from trainer.export.material import Material
    from trainer.rows import RunRow

# A point that is no number is a measured one: its field is not left empty, as those of runs are.
MISSING = "nan"
# Columns of text that something may take for a formula or a number, and how they are written.
TEXT = {"name": cell, "arm": cell, "error": cell, "experiment": id_cell, "run": id_cell}


def points_table(material: Material, runs: Sequence[RunRow] | None = None) -> pd.DataFrame:
    """A row for every point: experiment, arm, seed, run, key, step, value. Run by run.

    Arms of the same content share their runs; the points of such a run stand here for each of them.
    ``runs`` are by default the compared ones.
    """
    import pandas as pd

    runs = material.runs if runs is None else runs
    parts = [
        (i, key, *series)
        for i, run in enumerate(runs)
        for key, series in material.points.get(run.id, {}).items()
    ]
    lengths = [len(steps) for _, _, steps, _ in parts]
    of_run = np.repeat([i for i, *_ in parts], lengths).astype(int)

    def column(words: list[str]) -> pd.Categorical:
        levels = {word: i for i, word in enumerate(dict.fromkeys(words))}
        codes = np.asarray([levels[one] for one in words], int)
        return pd.Categorical.from_codes(codes[of_run], list(levels))

    keys = list(dict.fromkeys(key for _, key, *_ in parts))
    of_key = np.repeat([keys.index(key) for _, key, *_ in parts], lengths).astype(int)
    seeds = np.asarray([run.seed for run in runs], "int64")
    joined = [np.concatenate([part[at] for part in parts] or [np.empty(0)]) for at in (2, 3)]
    return pd.DataFrame(
        {
            "experiment": column([material.row.id] * len(runs)),
            "arm": column([run.arm_name for run in runs]),
            "seed": seeds[of_run],
            "run": column([run.id for run in runs]),
            "key": pd.Categorical.from_codes(of_key, keys),
            "step": joined[0].astype("int64"),
            "value": joined[1],
        }
    )


def runs_table(material: Material) -> pd.DataFrame:
    """A row for every run: how it ended, its last numbers, its arm's knobs, and the setup."""
    import pandas as pd

    experiment = material.experiment
    setup = flat(experiment.setup.model_dump(mode="json"), "setup.")
    arms = [of_arm(arm) for arm in experiment.arms]
    rows = [
        of_run(material, run) | arms[run.arm] | setup | {"metric": experiment.metric}
        for run in material.runs
    ]
    table = pd.DataFrame(rows)
    first = list(of_run(material, material.runs[0]))
    last = [key for key in table if key.startswith("setup.")]
    final = sorted(key for key in table if key.startswith("final."))
    knobs = [key for key in table if key not in {*first, *final, *last}]
    return table[[*(key for key in first if key not in final), *final, *knobs, *last]]


def trials_table(material: Material) -> pd.DataFrame:
    """A row for every run that tried a learning rate: arm, scale, seed, state, last numbers."""
    import pandas as pd

    rows = [of_run(material, one.run) | {"scale": one.scale} for one in material.trials]
    return pd.DataFrame(rows).drop(columns="baseline")


def trial_points_table(material: Material) -> pd.DataFrame:
    """The points of the runs that tried a learning rate, with the scale of each: never compared."""
    table = points_table(material, [one.run for one in material.trials])
    scales = {one.run.id: one.scale for one in material.trials}
    at = list(table).index("seed")
    table.insert(at, "scale", [scales[run] for run in table["run"]])
    return table


def tables(material: Material) -> dict[str, pd.DataFrame]:
    """The tables by their names; those of trials only if rates were tuned."""
    found = {"points": points_table(material), "runs": runs_table(material)}
    if material.trials:
        found |= {"trials": trials_table(material), "trial_points": trial_points_table(material)}
    return found


def of_run(material: Material, run: RunRow) -> dict[str, Any]:
    """How a run went, and what it was made with.

    Times are seconds since 1970, ``seconds`` those of training. Memory is in bytes, of the process
    that trained so many runs ``together``.
    """
    made = of_report(material.reports.get(run.id)) or {}
    return {
        "experiment": material.row.id,
        "name": material.row.name,
        "arm": run.arm_name,
        "baseline": run.arm == 0,
        "seed": run.seed,
        "run": run.id,
        "state": run.state,
        "step": run.step,
        "seconds": run.seconds,
        "device": run.device,
        "memory": run.memory,
        "gpu_memory": run.gpu_memory,
        "together": run.together,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "error": run.error_text,
        **{f"made_with.{key}": made.get(key) for key in TITLES if key != "device"},
        **{f"final.{key}": value for key, value in run.metrics.items()},
    }


def of_arm(arm: Arm) -> dict[str, Any]:
    """The tricks of an arm, and each knob by its own name."""
    found: dict[str, Any] = {
        "tricks": " + ".join(choice.id for choice in arm.tricks),
        "lr_scale": arm.lr_scale,
    }
    for choice in arm.tricks:
        made = choice.remade()
        values = choice.knobs if made is None else made.values()
        found |= {f"{choice.id}.{name}": value for name, value in values.items()}
    return found


def flat(data: dict[str, Any], above: str) -> dict[str, Any]:
    """Nested settings as one level: ``setup.network.kind``."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return found


def write_csv(material: Material, folder: Path) -> None:
    """A file for each table; read back, every number is the one that was measured.

    What would be taken for something else has a ``'`` in front: words that a spreadsheet would
    calculate or that read as nothing ("None"), an id that reads as a number.
    """
    for name, table in tables(material).items():
        for column in TEXT.keys() & {*table}:
            table[column] = table[column].map(TEXT[column], na_action="ignore")
        missing = MISSING if name.endswith("points") else ""
        table.to_csv(folder / f"{name}.csv", index=False, na_rep=missing)


def write_parquet(material: Material, folder: Path) -> None:
    """A file for each table."""
    for name, table in tables(material).items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
