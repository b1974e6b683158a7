"""plotly's script without what no page draws."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import pytest
from starlette.requests import Request

from pages.parts import bundle

MODULES = (
    "var W=(e,t)=>()=>{try{return t||e((t={exports:{}}).exports,t),t.exports}catch(r){throw r}},"
    "E=(e,t,r)=>()=>{if(r)throw r[0];try{return e&&(t=e(e=0)),t}catch(i){throw i}};"
    "var core=W((e,t)=>{t.exports=1});"
    "var map=W((e,t)=>{tiles();t.exports=2});"
    "var tiles=W((e,t)=>{t.exports=3});"
    "var color=W((e,t)=>{t.exports=4});var mix,blend=E(()=>{mix=1});"
    "var line=W((e,t)=>{(blend(),mix);t.exports=core()});"
    "var main=W((e,t)=>{t.exports=line()});window.Plotly=main();"
)


@pytest.fixture(scope="module")
def whole() -> str:
    folder = Path(find_spec("plotly").origin).parent / "package_data"
    return (folder / "plotly.min.js").read_text("utf-8")


def test_the_installed_script_loses_its_chart_types(whole):
    assert len(bundle.READY.findall(whole)) == 1
    cut = bundle.without_chart_types(whole)
    assert cut.count("register([])") == 1
    left_out = len(bundle.READY.search(whole).group()) - len("register([])")
    assert len(cut) == len(whole) - left_out


def test_the_installed_script_is_a_third_and_begins_and_ends_as_it_did(whole):
    served = bundle.script().decode()
    assert len(served) < len(whole) / 3
    assert served[:300] == whole[:300]  # its version and its license
    assert served.endswith("return Plotly;\n})));") and whole.endswith("return Plotly;\n}));")


def test_a_module_stays_only_if_one_that_stays_names_it():
    kept = bundle.reached(MODULES)
    assert all(f"var {name}=W(" in kept for name in ("core", "color", "line", "main"))
    assert "map" not in kept and "tiles" not in kept
    assert kept.endswith("window.Plotly=main();")


def test_a_script_that_is_built_otherwise_stays_whole():
    other = "var a=1;register([a()]);register([...all]);"
    assert bundle.without_chart_types(other) == other
    assert bundle.reached(other) == other
    assert bundle.compiled_early(other) == other


def asked(encoding: bytes):
    headers = [(b"accept-encoding", encoding)]
    return bundle.plotly(Request({"type": "http", "method": "GET", "headers": headers}))


def test_the_server_sends_it_packed_to_whoever_can_unpack_it():
    answer = asked(b"gzip, deflate, br")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == bundle.script()
    plain = asked(b"identity")
    assert "content-encoding" not in plain.headers
    assert plain.body == bundle.script()
