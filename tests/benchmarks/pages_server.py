"""The server of the page benchmark: app.py, with a clock around every update of its live part.

    python tests/benchmarks/pages_server.py PORT LOG

LOG gets a line ``[wall seconds, processor seconds]`` for each update.
"""

from __future__ import annotations

import json
import sys
import time
from functools import wraps
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)  # this folder has a pages.py of its own

from streamlit.web import cli

from pages.parts import watch


def main(port: str, log: str) -> None:
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
    options = [f"--server.port={port}", "--server.headless=true"]
    cli.main(["run", str(ROOT / "app.py"), *options])


if __name__ == "__main__":
    main(*sys.argv[1:])
