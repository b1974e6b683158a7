"""Neither the catalog nor a page brings torch into the server's process: 3 s and 450 MB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "torchvision", "sklearn", "scipy.stats")

CATALOG = "import tricks; assert len(tricks.catalog()) > 20"
STATISTICS = "import trainer.statistics as s; s.seeds_needed([0.1, 0.2, 0.1])"
DRAWN = """
from streamlit.testing.v1 import AppTest
from trainer import workers
workers.ensure_worker = lambda home: None
at = AppTest.from_file("pages/frame.py", default_timeout=60).run()
assert not at.exception, at.exception
for page in ("runs.py", "catalog.py"):
    at.switch_page(page).run()
    assert not at.exception, at.exception
"""
PARTS = [
    f"import {path.relative_to(ROOT).with_suffix('').as_posix().replace('/', '.')}"
    for path in sorted((ROOT / "pages" / "parts").rglob("*.py"))
]


def loaded_by(code: str) -> set[str]:
    """Which of the heavy modules a fresh process holds after running the code."""
    tell = f"import sys; print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("code", [CATALOG, STATISTICS, "\n".join(PARTS), DRAWN],
                         ids=["catalog", "statistics", "parts", "drawn"])  # fmt: skip
def test_stays_light(code):
    assert loaded_by(code) == set()


def test_the_measure_sees_torch():
    assert "torch" in loaded_by("import torch")
