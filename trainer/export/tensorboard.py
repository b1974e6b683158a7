"""TensorBoard event files, a log folder for each run: ``<arm>/seed 3``.

Written with the protocol buffers of TensorBoard itself. Its scalars are 32-bit floats, so here,
unlike in the tables, a value has seven digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.export.material import file_names
from trainer.export.tables import flat, of_arm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tensorboard.compat.proto.summary_pb2 import Summary

    from trainer.export.material import Material, Series
    from trainer.rows import RunRow


def write_tensorboard(material: Material, folder: Path) -> None:
    """The scalars of every run at their steps and wall times, and its setting under HPARAMS."""
    names = file_names([arm.name for arm in material.experiment.arms])
    for run in material.runs:
        if series := material.points.get(run.id):
            own = folder / names[run.arm] / f"seed {run.seed}"
            own.mkdir(parents=True)
            write_run(material, run, series, own)


def write_run(material: Material, run: RunRow, series: Series, folder: Path) -> None:
    """One event file; written again it has the same name."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    start = run.started_at or run.created_at
    with (folder / f"events.out.tfevents.{int(start)}.{run.id}").open("wb") as file:
        records = RecordWriter(file)

        def add(event: Event) -> None:
            records.write(event.SerializeToString())

        add(Event(wall_time=start, file_version="brain.Event:2"))
        for one in settings(material, run):
            add(Event(wall_time=start, summary=one))
        clock = series.get("seconds")
        for step, values in by_step(series):
            after = float(np.interp(step, *clock)) if clock is not None else 0.0
            summary = Summary()
            for key, value in values:
                summary.value.add(tag=key, simple_value=value)
            add(Event(wall_time=start + after, step=step, summary=summary))
        last = Summary()
        for key, value in run.metrics.items():
            last.value.add(tag=f"final/{key}", simple_value=value)
        add(Event(wall_time=start + (run.seconds or 0.0), step=run.step, summary=last))


def by_step(series: Series) -> Iterator[tuple[int, list[tuple[str, float]]]]:
    """The points of a run step by step, those of one step together."""
    found: dict[int, list[tuple[str, float]]] = {}
    for key, (steps, values) in series.items():
        for step, value in zip(steps.astype(int).tolist(), values.tolist(), strict=True):
            found.setdefault(step, []).append((key, value))
    yield from sorted(found.items())


def settings(material: Material, run: RunRow) -> Iterator[Summary]:
    """What TensorBoard's HPARAMS page compares: knobs and setup, and the final metrics."""
    from tensorboard.plugins.hparams.api_pb2 import (
        Experiment,
        HParamInfo,
        MetricInfo,
        MetricName,
        Status,
    )
    from tensorboard.plugins.hparams.plugin_data_pb2 import (
        HParamsPluginData,
        SessionEndInfo,
        SessionStartInfo,
    )

    experiment = material.experiment
    given = {"arm": run.arm_name, "seed": run.seed, **of_arm(experiment.arms[run.arm])}
    given |= flat(experiment.setup.model_dump(mode="json"), "setup.")
    session = SessionStartInfo(group_name=run.arm_name, start_time_secs=run.started_at or 0.0)
    for name, value in given.items():
        if isinstance(value, int | float):
            session.hparams[name].number_value = value
        elif value is not None:
            session.hparams[name].string_value = value
    metrics = [f"final/{name}" for name in ("test_accuracy", "test_loss")]
    known = Experiment(
        name=material.row.name,
        hparam_infos=[HParamInfo(name=name) for name in session.hparams],
        metric_infos=[MetricInfo(name=MetricName(tag=tag)) for tag in metrics],
    )
    end = SessionEndInfo(
        status=Status.STATUS_SUCCESS if run.state == "done" else Status.STATUS_FAILURE,
        end_time_secs=run.ended_at or 0.0,
    )
    yield told("experiment", HParamsPluginData(experiment=known))
    yield told("session_start_info", HParamsPluginData(session_start_info=session))
    yield told("session_end_info", HParamsPluginData(session_end_info=end))


def told(what: str, data: object) -> Summary:
    """A summary that carries data of the plugin instead of a number."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    summary = Summary()
    summary.value.add(
        tag=f"_hparams_/{what}",
        metadata=metadata.create_summary_metadata(data),
        tensor=metadata.NULL_TENSOR,
    )
    return summary
