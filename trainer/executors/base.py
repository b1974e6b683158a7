"""What a supervisor needs of a place that runs processes: start, stop, poll."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class Job:
    """A function of a module, called with ``args`` in a process of its own."""

    key: str
    call: Callable[..., None]
    args: tuple[Any, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A process that is gone, and how it ended, in words."""

    key: str
    how: str


class Executor(Protocol):
    """Places processes and kills them; what they do and how it went is in the store."""

    def warm(self) -> dict[str, Any]:
        """Get ready, so that ``start`` is quick; blocks. Gives what process.report tells."""

    def start(self, job: Job) -> None:
        """Start a process. Returns before the function has been called."""

    def stop(self, key: str) -> None:
        """Kill a process at once. ``poll`` will tell when it is gone."""

    def poll(self) -> list[Ended]:
        """The processes that have ended since the last time."""

    def close(self) -> None:
        """Kill all that is left, and wait for it."""
