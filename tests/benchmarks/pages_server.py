"""The server of the page benchmark: app.py, with a clock around every update of its live part.

    python tests/benchmarks/pages_server.py PORT LOG [APP]

LOG gets a line ``[wall seconds, processor seconds]`` for each update. No worker is started: whoever
writes the points stands for it. APP is another app to serve, that the page is to be held against.
"""

from __future__ import annotations

import json
import sys
import time
from functools import wraps
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder, which has a pages.py of its own
sys.path.insert(0, str(Path(__file__).parents[2]))

from streamlit.web import cli

from pages.parts import watch
from trainer import workers

ROOT = Path(__file__).parents[2]


def main(port: str, log: str, app: str = str(ROOT / "app.py")) -> None:
    face = watch.face
    lines = Path(log).open("a", buffering=1)  # noqa: SIM115

    @wraps(face)
    def timed(*args: Any, **more: Any) -> None:
        wall, processor = time.perf_counter(), time.thread_time()
        try:
            face(*args, **more)
        finally:
            spent = [time.perf_counter() - wall, time.thread_time() - processor]
            lines.write(json.dumps(spent) + "\n")

    watch.face = timed
    workers.ensure_worker = lambda home: None
    options = [f"--server.port={port}", "--server.headless=true"]
    cli.main(["run", app, *options])


if __name__ == "__main__":
    main(*sys.argv[1:])
