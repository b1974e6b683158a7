"""How the points of runs are kept, and how they are read.

While a run goes on, each batch adds a row for each key to ``points``, as JSON. A run that is done
or diverged never changes again: at its end its points become one row for each key in ``curves``,
as plain bytes. Runs that ended otherwise, and those of before there were ``curves``, stay as they
are; whoever reads sees no difference.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, update

from trainer.rows import write_values
from trainer.schema import curves, points, runs
from trainer.statements import chunks, heads

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Connection

    Steps = NDArray[np.int64]
    Values = NDArray[np.float64]

Numbers = tuple[int, str, float]  # step, key, value

STEPS, VALUES = "<i8", "<f8"  # how the bytes of a curve are meant
ROW = (points.c.run_id, points.c.key, points.c.steps, points.c.vals)
WHOLE = (
    select(*ROW)
    .join(runs, and_(points.c.run_id == runs.c.id, points.c.attempt == runs.c.attempt))
    .where(runs.c.id.in_(bindparam("ids", expanding=True)))
    .where(points.c.key.in_(bindparam("keys", expanding=True)))
    .order_by(points.c.run_id, points.c.seq)
)
CURSORS = func.json_each(bindparam("cursors")).table_valued("value")  # [[id, attempt, seq], ...]
SINCE = (
    select(*ROW)
    .select_from(CURSORS)
    .join(points, points.c.run_id == func.json_extract(CURSORS.c.value, "$[0]"))
    .where(points.c.attempt == func.json_extract(CURSORS.c.value, "$[1]"))
    .where(points.c.seq > func.json_extract(CURSORS.c.value, "$[2]"))
    .where(points.c.key.in_(bindparam("keys", expanding=True)))
    .order_by(points.c.run_id, points.c.seq)
)
ENDED = select(curves.c.run_id, curves.c.key, curves.c.steps, curves.c.vals)
ENDED_SINCE = ENDED.add_columns(curves.c.batches)


@dataclass(frozen=True, kw_only=True)
class News:
    """The points of a run after a cursor, as arrays, and the next cursor: (attempt, seq)."""

    attempt: int
    seq: int
    series: dict[str, tuple[Steps, Values]]  # key -> steps and values, (points,) each


def news(
    db: Connection, cursors: Mapping[str, tuple[int, int]], keys: Collection[str]
) -> dict[str, News]:
    """What is new of some runs since their cursors; see ``Store.read``."""
    found: dict[str, News] = {}
    whole, rest = [], []
    for id, attempt, seq in heads(db, cursors):
        had = cursors[id]
        if (attempt, seq) == had or (not seq and attempt == had[0]):
            continue
        found[id] = News(attempt=attempt, seq=seq, series={})
        if attempt == had[0] and had[1]:
            rest.append(id)
        elif seq:
            whole.append(id)
    listed = list(keys)
    for ids in chunks(whole):
        add(found, db.execute(WHOLE, {"ids": ids, "keys": listed}))
        add_ended(db, found, ids, listed)
    if rest:
        at = json.dumps([(id, *cursors[id]) for id in rest])
        add(found, db.execute(SINCE, {"cursors": at, "keys": listed}))
    for ids in chunks(id for id in rest if not found[id].series):
        add_ended(db, found, ids, listed, cursors)
    return found


def add(found: dict[str, News], batches: Iterable[tuple[str, str, str, str]]) -> None:
    """Add the rows of ``points`` to the series of their runs."""
    texts: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for id, key, steps, values in batches:
        have = texts.setdefault((id, key), ([], []))
        have[0].append(steps)
        have[1].append(values)
    for (id, key), have in texts.items():
        found[id].series[key] = parsed(*have)


def parsed(steps: list[str], values: list[str]) -> tuple[Steps, Values]:
    """The numbers of several JSON lists, parsed at once; null becomes nan."""
    import numpy as np

    first, second = (
        json.loads(f"[{','.join(text[1:-1] for text in texts)}]") for texts in (steps, values)
    )
    return np.asarray(first, np.int64), np.asarray(second, np.float64)


def add_ended(
    db: Connection,
    found: dict[str, News],
    ids: list[str],
    keys: list[str],
    cursors: Mapping[str, tuple[int, int]] | None = None,
) -> None:
    """Add the rows of ``curves``, with ``cursors`` only what came after them."""
    import numpy as np

    of = (ENDED if cursors is None else ENDED_SINCE).where(
        curves.c.run_id.in_(ids), curves.c.key.in_(keys)
    )
    for row in db.execute(of):
        id, key, steps, values = row[:4]
        start = 0
        if cursors is not None:
            ends = np.frombuffer(row.batches, STEPS).reshape(-1, 2)
            start = int(ends[ends[:, 0] <= cursors[id][1], 1].max(initial=0))
        series = np.frombuffer(steps, STEPS)[start:], np.frombuffer(values, VALUES)[start:]
        if len(series[0]):
            found[id].series[key] = series


def progress(batch: Sequence[Numbers]) -> dict[str, Any]:
    """How far the points of a batch have come."""
    if not batch:
        return {}
    values: dict[str, Any] = {"step": max(step for step, _, _ in batch), "seq": runs.c.seq + 1}
    seconds = [value for _, key, value in batch if key == "seconds"]
    return values | ({"seconds": seconds[-1]} if seconds else {})


def add_points(db: Connection, run_id: str, attempt: int, batch: Sequence[Numbers]) -> None:
    """The rows of a batch, a row for each key; the fence has counted seq already."""
    if batch:
        seq = db.scalar(select(runs.c.seq).where(runs.c.id == run_id))
        add_rows(db, [(run_id, attempt, seq or 0, batch)])


def add_rows(db: Connection, batches: Iterable[tuple[str, int, int, Sequence[Numbers]]]) -> None:
    """The rows of the batches of several runs: run, attempt, seq and numbers of each."""
    rows = []
    texts: dict[tuple[int, ...], str] = {}  # runs that are trained together share their steps
    for run_id, attempt, seq, batch in batches:
        series: dict[str, tuple[list[int], list[float]]] = {}
        for step, key, value in batch:
            steps, values = series.setdefault(key, ([], []))
            steps.append(step)
            values.append(value)
        for key, (steps, values) in series.items():
            same = tuple(steps)
            if same not in texts:
                texts[same] = json.dumps(steps)
            rows.append(
                {
                    "run_id": run_id,
                    "attempt": attempt,
                    "seq": seq,
                    "key": key,
                    "steps": texts[same],
                    "vals": write_values(values),
                }
            )
    if rows:
        db.execute(insert(points), rows)


def keep_points(db: Connection, id: str, attempt: int, saved_seq: int | None) -> None:
    """Of a run that is claimed: what its checkpoint knows goes on as the new attempt's."""
    if saved_seq is None:
        db.execute(delete(points).where(points.c.run_id == id))
        return
    later = or_(points.c.seq > saved_seq, points.c.attempt != attempt)
    db.execute(delete(points).where(points.c.run_id == id, later))
    db.execute(update(points).where(points.c.run_id == id).values(attempt=attempt + 1))


def pack(db: Connection, run_id: str) -> None:
    """Keep the points of a run that will never change again in one row for each key."""
    import numpy as np

    of = select(points.c.seq, points.c.key, points.c.steps, points.c.vals)
    kept: dict[str, tuple[list[str], list[str], list[int]]] = {}
    for seq, key, steps, values in db.execute(
        of.where(points.c.run_id == run_id).order_by(points.c.seq)
    ):
        texts, more, ends = kept.setdefault(key, ([], [], []))
        texts.append(steps)
        more.append(values)
        before = ends[-1] if ends else 0
        ends += [seq, before + steps.count(",") + 1]
    rows = []
    for key, (texts, more, ends) in kept.items():
        first, second = parsed(texts, more)
        rows.append(
            {
                "run_id": run_id,
                "key": key,
                "steps": first.astype(STEPS).tobytes(),
                "vals": second.astype(VALUES).tobytes(),
                "batches": np.asarray(ends, STEPS).tobytes(),
            }
        )
    if rows:
        db.execute(insert(curves), rows)
        db.execute(delete(points).where(points.c.run_id == run_id))
