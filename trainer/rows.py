"""What the store hands out, and how it is read from rows."""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer.experiment import Experiment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import RowMapping

    from trainer.experiment import Arm, Setup

WORKER_SILENT = 10.0  # seconds without a heartbeat after which a worker counts as gone


@dataclass(frozen=True, kw_only=True)
class ExperimentRow:
    id: str  # 8 hex digits
    name: str
    experiment: Experiment
    created_at: float
    estimate: float | None = None  # wall seconds that the launch foretold; None: nothing was known
    added: tuple[int, ...] = ()  # how many seeds it had each time before some were added
    tuned: Mapping[str, float] | None = None  # arm name -> scale; None: not asked, or not found yet
    owner: str | None = None  # who launched it, where several people share a store

    @property
    def tuning(self) -> bool:
        """Whether the arms' rates are still looked for: the compared runs come after that."""
        return self.experiment.tune is not None and self.tuned is None


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One arm with one seed, as an experiment shows it."""

    id: str
    arm: int
    arm_name: str
    seed: int
    state: str
    desired: str  # run | stop | pause
    attempt: int
    step: int
    steps: int | None  # None: the budget is in seconds
    saved_step: int | None  # of its checkpoint: what is trained anew begins after it
    seconds: float | None  # of training; of runs that trained together each has its share
    metrics: dict[str, float]  # empty until done
    error_kind: str | None  # out_of_memory | killed | error | data
    error_text: str | None  # one sentence; of a diverged run: why and where
    message: str | None  # what it does before the first step
    device: str | None
    created_at: float
    started_at: float | None
    ended_at: float | None
    together: int = 1  # how many runs its process trained as one
    memory: int | None = None  # bytes that process had for itself at most
    gpu_memory: int | None = None  # the same on a GPU; None: it was on none


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A run that tries one scale of the learning rate on one arm; it is not compared."""

    arm: int
    arm_name: str
    scale: float
    seed: int
    run: RunRow


@dataclass(frozen=True, kw_only=True)
class Delta:
    """The points of a run after a cursor, and the next cursor: (attempt, seq)."""

    attempt: int
    seq: int
    series: dict[str, tuple[list[int], list[float]]]  # key -> steps, values


@dataclass(frozen=True, kw_only=True)
class Running:
    """A run as the supervisor watches it."""

    id: str
    attempt: int
    desired: str
    stop_at: float | None
    lease_until: float
    pid: int | None  # None: its process has not come up yet
    pid_created: float | None
    device: str
    stack: str | None  # None: claimed by an older version
    step: int
    steps: int | None

    @property
    def process(self) -> str:
        """What the runs of one process share, and no others."""
        return self.stack or self.id


@dataclass(frozen=True, kw_only=True)
class WorkerRow:
    """The supervisor: the last one there was."""

    slots: int
    busy: int
    state: str  # starting | ready | ended
    heartbeat: float
    pid: int
    devices: tuple[str, ...] | None  # None until probed
    wanted: bool = False  # runs wait or are trained

    @property
    def alive(self) -> bool:
        # A sign of life from the future is none: the clock was set back since.
        return self.state != "ended" and abs(time.time() - self.heartbeat) < WORKER_SILENT


def experiment_row(row: RowMapping) -> ExperimentRow:
    experiment = Experiment.model_validate_json(row["spec"])
    return ExperimentRow(
        id=row["id"],
        name=row["name"],
        experiment=experiment.model_copy(update={"name": row["name"]}),
        created_at=row["created_at"],
        estimate=row["estimate"],
        added=tuple(json.loads(row["added"])) if row["added"] else (),
        tuned=json.loads(row["tuned"]) if row["tuned"] else None,
        owner=row["owner"],
    )


def worker_row(row: RowMapping) -> WorkerRow:
    return WorkerRow(
        slots=row["slots"],
        busy=row["busy"],
        state=row["state"],
        heartbeat=row["heartbeat"],
        pid=row["pid"],
        devices=tuple(json.loads(row["devices"])) if row["devices"] else None,
        wanted=row["wanted"],
    )


def run_row(row: RowMapping, *, arm: int, arm_name: str, seed: int) -> RunRow:
    same = (
        "id state desired attempt step steps saved_step seconds error_kind error_text message "
        "device created_at started_at ended_at memory gpu_memory"
    )
    return RunRow(
        arm=arm,
        arm_name=arm_name,
        seed=seed,
        metrics=read_metrics(row["metrics"]),
        together=row["together"] or 1,
        **{name: row[name] for name in same.split()},
    )


def read_metrics(text: str | None) -> dict[str, float]:
    found = json.loads(text) if text else {}
    return {key: math.nan if value is None else value for key, value in found.items()}


def read_report(text: str | None) -> dict[str, Any] | None:
    found: dict[str, Any] | None = json.loads(text) if text else None
    return found


def write_json(value: Mapping[str, Any]) -> str:
    """JSON without what JSON does not have: a number that is none becomes null."""
    return json.dumps(finite(value), allow_nan=False)


def finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    return [finite(one) for one in value] if isinstance(value, list | tuple) else value


def read_values(text: str) -> list[float]:
    if "null" not in text:
        return json.loads(text)  # type: ignore[no-any-return]
    return [math.nan if value is None else value for value in json.loads(text)]


def write_values(values: Iterable[float]) -> str:
    return json.dumps([v if math.isfinite(v) else None for v in values])


def digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def kind_of(setup: Setup) -> str:
    """What the time of a step depends on, beside the tricks: a hash."""
    network = setup.network.model_dump(mode="json")
    return digest([setup.task, setup.dataset, network, setup.batch_size, setup.device])


def tricks_of(arm: Arm) -> str:
    """The tricks of an arm with all their knobs: a hash."""
    return digest([[one.id(), one.values()] for one in arm.left()])
