"""Where everything is kept: the store, the data sets, the logs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

STORE_FILES = (".db", ".sqlite", ".sqlite3")
NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class StoreError(Exception):
    """A store that cannot be used, or a place where none can be made. Says what to do."""


def home() -> Path:
    """The folder of this person's data, made if it is missing.

    ``TRICKBOARD_HOME``, else ``.trickboard`` in the working directory. Everything else is passed
    its path, so that tests and the command line can use another one.

    Raises:
        StoreError: there can be no such folder.
    """
    folder = Path(os.environ.get("TRICKBOARD_HOME") or ".trickboard").absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be the folder of Trickboard's data ({error.strerror}). Set "
            "TRICKBOARD_HOME to a folder that you can write."
        ) from error
    return folder


def store_file(where: Path | str) -> Path:
    """The file of the store that a path names: itself, or ``trickboard.db`` in that folder."""
    path = Path(where).expanduser().absolute()
    return path if path.suffix in STORE_FILES else path / "trickboard.db"


def log_file(home: Path, name: str) -> Path:
    """The log of a run (its id) or of the worker (``worker``); its folder is made."""
    folder = home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"


def checkpoint_file(home: Path, run_id: str, step: int) -> Path:
    """Where the checkpoint of a run after that step is."""
    return home / "checkpoints" / f"{run_id}-{step}.pt"


def checkpoint_files(home: Path, run_id: str = "*") -> list[Path]:
    """Every checkpoint of a run, or of all; and what was left of one that was never finished."""
    return sorted((home / "checkpoints").glob(f"{run_id}-*.*"))
