"""What one takes away from an experiment: tables, event files, a report, stand-alone scripts.

Every format is a few files in a folder. They are written beside their place and moved there when
all of them are whole, so nothing half-written is ever left.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.export.material import NoExport, gather, known

if TYPE_CHECKING:
    from trainer.experiment import Arm
    from trainer.rows import ExperimentRow
    from trainer.store import Store

__all__ = ["FORMATS", "NoExport", "Written", "archive", "export", "script_of"]

FORMATS = ("csv", "parquet", "tensorboard", "html", "script")


@dataclass
class Written:
    """The files of an export, and what could not be exported: ``name: reason``."""

    files: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def export(store: Store, experiment_id: str, format: str, folder: Path) -> Written:
    """Write an experiment into a folder, which is made if it is missing.

    Args:
        format: one of ``FORMATS``. ``script`` leaves out the arms that it cannot export.

    Raises:
        NoExport: the experiment is unknown or nothing of it has finished, or the folder cannot be
            written. Then nothing was written.
    """
    known(store, experiment_id)
    made = None
    try:
        made = first_missing(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as beside:
            written = Written(left_out=fill(store, experiment_id, format, Path(beside)))
            written.files = [folder / one for one in move(Path(beside), folder)]
        return written
    except OSError as error:
        clear(made)
        reason = error.strerror or str(error)
        raise NoExport(f"{error.filename or folder} cannot be written: {reason}") from error
    except NoExport:
        clear(made)
        raise


def archive(store: Store, experiment_id: str, format: str) -> bytes:
    """The same files as one zip file.

    Raises:
        NoExport: as :func:`export`.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        export(store, experiment_id, format, folder)
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as packed:
            for path in files_in(folder):
                packed.write(path, path.relative_to(folder))
        return file.getvalue()


def fill(store: Store, experiment_id: str, format: str, folder: Path) -> list[str]:
    """Write the files of a format; what it had to leave out, with the reasons."""
    if format == "script":
        return write_scripts(store, experiment_id, folder)
    material = gather(store, experiment_id)
    if format == "csv":
        from trainer.export.tables import write_csv as write
    elif format == "parquet":
        from trainer.export.tables import write_parquet as write
    elif format == "tensorboard":
        from trainer.export.tensorboard import write_tensorboard as write
    elif format == "html":
        from trainer.export.report import write_report as write
    else:
        raise NoExport(f"There is no format {format}; the formats are {', '.join(FORMATS)}")
    write(material, folder)
    return []


def write_scripts(store: Store, experiment_id: str, folder: Path) -> list[str]:
    """A script for each arm, with the experiment's first seed; the arms that have none."""
    from trainer.export.script import Unsupported, file_name

    row = known(store, experiment_id)
    left_out = []
    for arm in row.experiment.arms:
        try:
            text = script_of(store, row, arm, row.experiment.seeds[0])
        except Unsupported as error:
            left_out.append(f"{arm.name}: {error}")
        else:
            (folder / file_name(arm)).write_text(text, encoding="utf-8")
    return left_out


def script_of(store: Store, row: ExperimentRow, arm: Arm, seed: int) -> str:
    """An arm as a stand-alone script, which says how this run ended here if that is known.

    Raises:
        trainer.export.script.Unsupported: no script can be made of this arm.
    """
    from trainer.export.script import script

    ended = [
        (run.metrics["test_loss"], run.metrics["test_accuracy"])
        for run in store.runs(row.id)
        if (run.arm_name, run.seed, run.state) == (arm.name, seed, "done")
        and {"test_loss", "test_accuracy"} <= run.metrics.keys()
    ]
    return script(row.experiment, arm, seed, result=ended[0] if ended else None)


def move(source: Path, folder: Path) -> list[Path]:
    """Put all files of one folder into another, over what has the same names there."""
    found = [path.relative_to(source) for path in files_in(source)]
    for one in found:
        (folder / one).parent.mkdir(parents=True, exist_ok=True)
        (source / one).replace(folder / one)
    return found


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def first_missing(folder: Path) -> Path | None:
    """The outermost folder that is yet to be made; None if all is there."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    return missing[-1] if missing else None


def clear(made: Path | None) -> None:
    """Take away the folder that was made for nothing."""
    if made is not None:
        shutil.rmtree(made, ignore_errors=True)
