"""plotly's script without the chart types that no page draws."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from pages.parts import bundle


def test_the_installed_script_loses_its_chart_types_and_nothing_else():
    folder = Path(find_spec("plotly").origin).parent / "package_data"
    whole = (folder / "plotly.min.js").read_text("utf-8")
    assert len(bundle.READY.findall(whole)) == 1
    served = bundle.script().decode()
    assert served.count("register([])") == 1
    left_out = len(bundle.READY.search(whole).group()) - len("register([])")
    assert len(served) == len(whole) - left_out


def test_a_script_that_is_built_otherwise_stays_whole():
    other = "var a=1;register([a()]);register([...all]);"
    assert bundle.without_chart_types(other) == other
