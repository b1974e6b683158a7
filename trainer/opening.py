"""The file of a run store: where it is, and how it is opened."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy.exc import DatabaseError

from trainer.home import StoreError as StoreError
from trainer.home import store_file
from trainer.migrations import migrate
from trainer.refusals import refusal
from trainer.schema import open_database

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine


class StoreFile:
    """The database of a store, opened at its first use and brought up to date then."""

    def __init__(self, home: Path | str) -> None:
        self.path = store_file(home)
        self.home = self.path.parent
        self.opening = Lock()
        self.engine: Engine | None = None
        self.opened: tuple[int, int] | None = None  # which file that is

    @property
    def reads(self) -> Engine:
        engine = self.engine
        if engine is None or self.file() != self.opened:  # somebody deleted or replaced it
            with self.opening:
                if self.file() != self.opened:
                    self.close()
                if self.engine is None:  # no other thread was faster
                    self.engine = self.open()
                    self.opened = self.file()
                engine = self.engine
        return engine

    def file(self) -> tuple[int, int] | None:
        """The file at the path, whatever its name; None: there is none that can be seen."""
        try:
            known = self.path.stat()
        except OSError:
            return None
        return known.st_dev, known.st_ino

    @property
    def writes(self) -> Engine:
        return self.reads.execution_options(writes=True)

    def open(self) -> Engine:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            engine = open_database(self.path)
            try:
                migrate(engine, self.path)
            except BaseException:
                engine.dispose()
                raise
        except (OSError, DatabaseError) as error:
            raise StoreError(refusal(error, self.path)) from error
        return engine

    def close(self) -> None:
        """Let go of the file. The store opens again when it is used."""
        if self.engine is not None:
            self.engine.dispose()
            self.engine = None
