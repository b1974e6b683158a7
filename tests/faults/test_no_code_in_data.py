"""Nothing that is read as data can run as code: no pickle, no eval, no loader that knows either."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("pages", "trainer", "tricks")
RUNS = {"eval", "exec", "compile", "__import__"}
MODULES = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "copyreg",
    "yaml", "jsonpickle", "code", "imp", "runpy",
}  # fmt: skip
# A person's own tricks are programs: their file is run because it lies in the folder of tricks,
# which no page, address or upload can write to. A workshop turns them off.
# And a law copies a trick as a process does: what it reads there it has written in the same line.
BY_DESIGN = {
    ("tricks/own.py", "exec"),
    ("tricks/own.py", "compile"),
    ("trainer/cardlaws.py", "pickle"),
}


def files():
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


def named(call: ast.Call) -> str:
    """``torch.load``, ``eval``; the last part alone of what is no plain name."""
    parts: list[str] = []
    node: ast.expr = call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(parts))


def dangers(source: str) -> set[str]:
    """What in a source can make code of data."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names if one.name.split(".")[0] in MODULES}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            found.add(str(node.module))
        elif isinstance(node, ast.Call):
            name = named(node)
            given = {one.arg: one.value for one in node.keywords}
            if name in RUNS or name.startswith("builtins."):
                found.add(name)
            elif name in ("torch.load", "load_state_dict_from_url"):
                if not is_true(given.get("weights_only")):
                    found.add(name)
            elif name.split(".")[-1] in ("read_pickle", "unsafe_load", "full_load", "to_pickle"):
                found.add(name)
            if "allow_pickle" in given and not is_false(given["allow_pickle"]):
                found.add("allow_pickle")
            if "shell" in given and not is_false(given["shell"]):
                found.add("shell")
            if name == "os.system" or name.startswith("os.popen"):
                found.add(name)
    return found


def is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def test_no_data_is_run():
    found = {(one.relative_to(ROOT).as_posix(), what)
             for one in files() for what in dangers(one.read_text("utf-8"))}  # fmt: skip
    assert found == BY_DESIGN
    assert sum(1 for _ in files()) > 100


def test_what_would_be_found():
    """The search is no sieve with holes."""
    for source in (
        "import pickle", "from pickle import loads", "import torch\ntorch.load(path)",
        "torch.load(path, weights_only=False)", "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=given)", "eval(text)", "exec(text)", "import yaml",
        "pd.read_pickle(path)", "subprocess.run(text, shell=True)", "os.system(text)",
        "builtins.exec(text)", "import marshal", "from joblib import load",
    ):  # fmt: skip
        assert dangers(source), source
    for source in (
        "torch.load(path, weights_only=True)", "network.eval()", "np.load(path)",
        "re.compile(text)", "torch.compile(network)", "np.load(path, allow_pickle=False)",
    ):  # fmt: skip
        assert not dangers(source), source
