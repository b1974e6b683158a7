"""A store in a fresh home, and a worker's side of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trainer.queue import Queue
from trainer.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def store(home) -> Iterator[Store]:
    store = Store(home)
    yield store
    store.close()


@pytest.fixture
def queue(store) -> Queue:
    return Queue(store)
