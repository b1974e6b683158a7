"""The rooms of the house and the arrows between them: app -> pages -> trainer -> tricks."""

from __future__ import annotations

import ast
import fnmatch
from pathlib import Path

import pytest

from tricks import catalog

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ["app.py", "pages", "trainer", "tricks"]  # each knows those after it
SOURCES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for room in ROOMS
    for path in ([ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py")))
}
TOP_LEVEL = {
    *ROOMS, "tests", "docs", "requirements.txt", "pyproject.toml", "README.md", "LICENSE",
    "CONTRIBUTING.md", "CHANGELOG.md",
}  # fmt: skip


def imports(node: ast.AST, *, deep: bool) -> set[str]:
    """The modules imported below a node; without ``deep`` only those that run at import."""
    found = set()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            found |= {name.name for name in child.names}
        elif isinstance(child, ast.ImportFrom):
            module = "." * child.level + (child.module or "")
            found |= {module, *(f"{module}.{name.name}" for name in child.names)}
        elif not deep and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        elif not deep and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            found |= set().union(*(imports(other, deep=False) for other in child.orelse))
        else:
            found |= imports(child, deep=deep)
    return found


def roots(modules: set[str]) -> set[str]:
    return {module.split(".")[0] for module in modules}


@pytest.mark.parametrize("path", SOURCES)
def test_arrows_point_one_way(path):
    used = roots(imports(SOURCES[path], deep=True))
    room = path.split("/")[0]
    assert not used & {name.removesuffix(".py") for name in ROOMS[: ROOMS.index(room)]}
    assert "tests" not in used
    assert "" not in used, "imports are absolute"
    assert "parts" not in used, "shared drawing code is pages.parts: parts would be a second module"
    if room in ("trainer", "tricks"):
        assert "streamlit" not in used
    if room in ("app.py", "pages"):
        assert not used & {"torch", "torchvision"}
    if room == "tricks" and not path.startswith("tricks/layers/"):
        assert not roots(imports(SOURCES[path], deep=False)) & {"torch", "torchvision"}


@pytest.mark.parametrize("path", [path for path in SOURCES if path.startswith("tricks/")])
def test_no_trick_imports_another(path):
    used = {one for one in imports(SOURCES[path], deep=True) if one.startswith("tricks")}
    family = path.split("/")[1]
    if path.count("/") == 2 and family != "layers":
        assert {
            one
            for one in used
            if one.split(".")[1:2] not in ([], ["base"], ["layers"], ["places"], ["rules"])
        } == set()
    elif family != "__init__.py":
        contract = {"layers", "base", "card", "loans", "own", "places", "rules"}
        assert {part for one in used for part in one.split(".")[1:2]} <= contract


def own_words(tree: ast.AST) -> list[ast.AST]:
    """All nodes but the words that belong to torch.nn.init: ``nonlinearity="relu"``."""
    torchs = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "nonlinearity"
    ]
    return [node for node in ast.walk(tree) if node not in torchs]


# Words of the field that are also ids: a symmetry of a data set, keys of points, torch's modules.
WORDS = {"hflip", "weight_norm", "shuffle", "prelu", "sharpness"}


def test_the_trainer_knows_no_trick_by_name():
    named = {
        f"{path}:{node.lineno}: {node.value}"
        for path, tree in SOURCES.items()
        if path.startswith("trainer/")
        for node in own_words(tree)
        if isinstance(node, ast.Constant) and node.value in catalog().keys() - WORDS
    }
    assert named == set()


def test_no_page_shadows_a_package():
    # Streamlit puts pages/ on sys.path: a page called trainer.py would be the trainer.
    assert not {"tricks.py", "trainer.py"} & {path.name for path in (ROOT / "pages").iterdir()}


def test_nothing_else_at_the_top_level():
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
    names = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    left = {name for name in names if not any(fnmatch.fnmatch(name, one) for one in ignored)}
    assert left - TOP_LEVEL == set()
