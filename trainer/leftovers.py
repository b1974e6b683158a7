"""Checkpoints that no run needs: left by processes that were killed at a bad moment.

A checkpoint goes when its run has a newer one, is done or has diverged, or is deleted. That of a
stopped or paused run stays: the run may go on. What is left over goes when a worker starts.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trainer.home import checkpoint_files

if TYPE_CHECKING:
    from trainer.queue import Queue

LEFTOVER = 60.0  # seconds: a younger file may be on its way into the store


def clear(queue: Queue) -> int:
    """Delete them. Gives how many."""
    used = queue.checkpoints()
    count = 0
    for file in checkpoint_files(queue.store.home):
        run_id, _, rest = file.name.partition("-")
        needed = file.suffix == ".pt" and (run_id, int(rest.partition(".")[0])) in used
        if not needed and time.time() - file.stat().st_mtime > LEFTOVER:
            file.unlink(missing_ok=True)
            count += 1
    return count
