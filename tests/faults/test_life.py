"""What the long measurements stand on: the slope of a day, and a store that looks trained."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from tests.faults.filled import fill, plan
from tests.faults.life import WARM, slope
from tests.faults.sessions import serving
from trainer.results import finals
from trainer.store import Store


def test_the_slope_is_that_of_the_time_after_the_warm_up():
    times = np.arange(0.0, 800.0, 5.0)
    values = 150 + 0.02 * times + np.random.default_rng(0).normal(0, 0.5, times.size)
    values[times < WARM * times[-1]] = 40.0
    per_second, half = slope(times.tolist(), values.tolist())
    assert per_second == pytest.approx(0.02, abs=half) and half < 0.005
    flat, about = slope(times.tolist(), (values - 0.02 * times).tolist())
    assert abs(flat) < about


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is loaded")
def test_no_page_has_the_server_load_pandas_or_torch(home):
    """Each costs as much memory as all the rest."""
    store = Store(home)
    fill(store, 2, 3)
    done = store.experiments()[0].id
    store.close()

    async def visit(server, query, page):
        async with server.open(query, page) as session:
            await session.finished()
            assert not session.errors, session.errors

    with serving(home) as server:
        maps = Path(f"/proc/{server.process.pid}/maps")
        for query, page in [
            ("", ""),
            (f"experiment={done}", ""),
            ("", "runs"),
            (f"experiment={done}", "runs"),
            ("experiments=latest", "compare"),
            ("", "catalog"),
            ("trick=mixup", "catalog"),
        ]:
            asyncio.run(visit(server, query, page))
            loaded = maps.read_text()
            assert "pyarrow" in loaded or not page
            assert "/pandas/" not in loaded and "/torch/" not in loaded, (page, query)


def test_a_full_store_looks_as_if_its_runs_had_been_trained(home):
    store = Store(home)
    assert fill(store, 2, 3) == 2 * len(plan(0, 3).runs())
    for row in store.experiments():
        assert set(store.counts(row.id)[row.id]) == {"done"}
        values = finals(row, store.runs(row.id))
        assert {len(seeds) for seeds in values.values()} == {3}
    assert plan(1, 3).runs()[0].id not in {run.id for run in plan(0, 3).runs()}
