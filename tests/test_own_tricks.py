"""Files of one's own: one joins, leaves, is wrong, is edited; the guide's example is true."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import tricks
from pages.parts import own as page
from trainer import workers
from trainer.checks import notices
from trainer.executors.alone import other_tricks
from trainer.experiment import ExperimentError, Setup, pack, parse
from tricks import catalog, own, problems

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "your-own-trick.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r"```python\n(.*?)```", GUIDE, re.S)[1]
EXPERIMENT = {
    "name": "own",
    "setup": {"train_size": 128, "steps": 20},
    "arms": [{"name": "baseline"}, {"name": "mine", "tricks": [{"id": "power_gradient"}]}],
    "seeds": [0],
}


@pytest.fixture
def shelf(home, monkeypatch):
    """Puts files into the folder of one's own tricks; each is seen at once."""
    monkeypatch.delenv(own.SWITCH, raising=False)
    folder = home / "tricks"
    folder.mkdir()

    def put(name: str, text: str) -> Path:
        path = folder / name
        path.write_text(text, encoding="utf-8")
        tricks.LOOKS.clear()
        return path

    yield put
    tricks.LOOKS.clear()


@pytest.fixture
def app(home, monkeypatch):
    """The whole app on that home, without a worker."""
    st.cache_resource.clear()
    st.cache_data.clear()
    monkeypatch.setattr(workers, "ensure_worker", lambda home: None)
    return AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=60).run()


def command(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainer", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120, env=os.environ | env,
    )  # fmt: skip


def test_a_file_joins_the_catalog_by_existing(shelf):
    known = set(catalog())
    path = shelf("power_gradient.py", EXAMPLE)
    mine = catalog()["power_gradient"]
    assert set(catalog()) == known | {"power_gradient"}
    assert mine.family() == "own" and mine.id() == "power_gradient"
    assert mine(q=0.5).values() == {"q": 0.5}
    assert not problems()
    path.unlink()
    tricks.LOOKS.clear()
    assert set(catalog()) == known


def test_an_edited_file_is_another_run(shelf):
    shelf("power_gradient.py", EXAMPLE)
    first = parse(EXPERIMENT)
    ids = [one.id for one in first.runs()]
    assert [one.id for one in parse(EXPERIMENT).runs()] == ids
    shelf("power_gradient.py", EXAMPLE.replace("0.8", "0.9"))
    assert catalog()["power_gradient"]().values() == {"q": 0.9}
    shelf("power_gradient.py", EXAMPLE + "# a comment is an edit too\n")
    again = [one.id for one in parse(EXPERIMENT).runs()]
    assert again[0] == ids[0], "the baseline is what it was"
    assert again[1] != ids[1]


def test_a_run_whose_trick_was_edited_or_is_gone_does_not_train(shelf):
    path = shelf("power_gradient.py", EXAMPLE)
    baseline, mine = parse(EXPERIMENT).runs()
    assert other_tricks(mine) is None
    shelf("power_gradient.py", EXAMPLE + "\n")
    assert "was edited after the launch" in other_tricks(mine)
    path.unlink()
    tricks.LOOKS.clear()
    assert "has no trick power_gradient" in other_tricks(mine)
    assert other_tricks(baseline) is None


def test_the_built_in_tricks_keep_their_runs(shelf):
    data = EXPERIMENT | {"arms": [{"name": "m", "tricks": [{"id": "mixup"}]}]}
    before = parse(data).runs()[0].id
    shelf("power_gradient.py", EXAMPLE)
    assert parse(data).runs()[0].id == before
    assert own.version(catalog()["mixup"]) is None


BROKEN = {
    "syntax": ("typo.py", "def (:\n", "line 1 with SyntaxError"),
    "stops": ("typo.py", "x = 1\nx / 0\n", "line 2 with ZeroDivisionError"),
    "exits": ("typo.py", "import sys\nsys.exit(3)\n", "line 2 with SystemExit"),
    "none": ("empty.py", "x = 1\n", "defines no trick"),
    "two": (
        "two.py",
        EXAMPLE + EXAMPLE.replace("PowerGradient", "Other").split("\n\n\n", 1)[1],
        "defines 2 tricks",
    ),
    "no card": (
        "bare.py",
        "from tricks.base import Trick\nclass Bare(Trick): pass\n",
        "has no card",
    ),
    "bad default": ("power.py", EXAMPLE.replace("0.8, low", "8, low"), "q goes from 0.2 to 1.5"),
    "bad name": ("my-trick.py", EXAMPLE, "cannot be a trick's id"),
    "taken": ("mixup.py", EXAMPLE.replace("PowerGradient", "Mixup"), "is the id of a trick of the"),
    "unknown rule": (
        "power.py",
        EXAMPLE.replace("import Card", "import Rule, Card").replace(
            'cost="', 'rules=(Rule(kind="hint", title="a", reason="b.", other="nobody"),), cost="'
        ),
        "names nobody, which is no trick",
    ),
}


@pytest.mark.parametrize(("name", "text", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_wrong_file_is_named_and_harms_nobody(shelf, name, text, reason):
    known = set(catalog())
    mixup = catalog()["mixup"]
    shelf(name, text)
    shelf("power_gradient.py", EXAMPLE)
    assert set(catalog()) == known | {"power_gradient"}
    assert catalog()["mixup"] is mixup
    (found,) = problems()
    assert found.file == name and reason in found.reason
    assert found.remedy.endswith(".")


def test_a_mended_file_joins_and_is_no_problem_any_more(shelf):
    shelf("power_gradient.py", EXAMPLE.replace("import", "imprt", 1))
    assert "power_gradient" not in catalog() and len(problems()) == 1
    shelf("power_gradient.py", EXAMPLE)
    assert "power_gradient" in catalog() and not problems()


def test_they_can_be_left_out(shelf, monkeypatch):
    shelf("power_gradient.py", EXAMPLE)
    shelf("typo.py", "def (:\n")
    monkeypatch.setenv(own.SWITCH, "0")
    assert "power_gradient" not in catalog() and not problems()
    with pytest.raises(ExperimentError, match="no such trick"):
        parse(EXPERIMENT)
    monkeypatch.setenv(own.SWITCH, "1")
    assert "power_gradient" in catalog()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.1.2.3", True),
        ("0.0.0.0", False), ("192.168.1.7", False), ("::", False), ("example.org", False),
        ("", False), (None, False),
    ],
)  # fmt: skip
def test_only_a_server_that_nobody_else_hears_loads_them(address, said, monkeypatch):
    monkeypatch.delenv(own.SWITCH, raising=False)
    monkeypatch.setattr(page.st, "get_option", lambda name: address)
    assert page.alone(address) is said
    with monkeypatch.context() as patch:
        patch.setenv(own.SWITCH, "x")
        del os.environ[own.SWITCH]
        page.decide()
        assert own.wanted() is said
        os.environ[own.SWITCH] = "0"
        page.decide()
        assert not own.wanted(), "a person's own word counts"


def test_its_rules_take_part(shelf):
    shelf(
        "power_gradient.py",
        EXAMPLE.replace("import Card", "import Rule, Card").replace(
            'cost="',
            'rules=(Rule(kind="warning", title="Too much", reason="Both do it.", '
            'other="mixup"),), cost="',
        ),
    )
    pair = [catalog()["power_gradient"](), catalog()["mixup"]()]
    (found,) = notices(Setup.model_validate({"epochs": 1}), pair)
    assert "Too much" in found.title and found.kind == "warning"


# The command line, and the guide.


def test_the_guides_example_is_twenty_lines_and_keeps_every_law(tmp_path):
    assert len(EXAMPLE.splitlines()) <= 25
    file = tmp_path / "power_gradient.py"
    file.write_text(EXAMPLE, encoding="utf-8")
    done = command("tricks", "--check", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert all(one.startswith("ok ") for one in lines[:-1])
    assert lines[-1] == f"Power gradient keeps all {len(lines) - 1} laws"


def test_a_broken_law_is_told_with_the_way_to_mend_it(tmp_path):
    file = tmp_path / "power_gradient.py"
    file.write_text(EXAMPLE.replace('symbol="q", ', ""), encoding="utf-8")
    done = command("tricks", "--check", str(file), "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    broken = [one["problem"] for one in told["laws"] if one["problem"]]
    assert told["id"] == "power_gradient" and broken == ["q needs help and symbol"]


def test_a_file_that_is_no_trick_is_told(tmp_path):
    file = tmp_path / "typo.py"
    file.write_text("def (:\n", encoding="utf-8")
    done = command("tricks", "--check", str(file))
    assert done.returncode == 1 and "line 1 with SyntaxError" in done.stdout
    done = command("tricks", "--check", str(tmp_path / "nowhere.py"))
    assert done.returncode == 2 and "no such file" in done.stderr


def test_the_list_names_files_that_are_left_out(shelf, home):
    shelf("power_gradient.py", EXAMPLE)
    shelf("typo.py", "def (:\n")
    done = command("tricks", TRICKBOARD_HOME=str(home))
    assert done.returncode == 0
    assert "Power gradient" in done.stdout and "typo.py is left out." in done.stderr


def test_the_guides_example_trains_in_a_worker_process(shelf, home):
    """Whole: the command line stores it, a worker process loads the file and trains."""
    shelf("power_gradient.py", EXAMPLE)
    plan = home / "plan.json"
    plan.write_text(json.dumps(EXPERIMENT), encoding="utf-8")
    done = command(
        "run", str(plan), "--store", str(home), "--workers", "1", TRICKBOARD_HOME=str(home)
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout


# The pages.


def test_the_pages_show_it_and_what_is_wrong(shelf, app):
    shelf("power_gradient.py", EXAMPLE)
    shelf("typo.py", "def (:\n")
    at = app.switch_page("catalog.py").run()
    assert not at.exception
    assert 'data-trick="power_gradient"' in at.get("bidi_component")[0].proto.json.replace("\\", "")
    assert [one.proto.title for one in at.warning] == ["This file is left out: typo.py"]
    assert "SyntaxError" in at.warning[0].value
    at.query_params["trick"] = "power_gradient"
    at.run()
    assert not at.exception and at.title[0].value.startswith("Power gradient")
    assert at.code[0].value.strip() == EXAMPLE.strip()


def test_an_experiment_outlives_its_trick(shelf, app, home):
    """The file is gone: the experiment stays in the list, and its page can be opened."""
    from trainer.store import Store

    path = shelf("power_gradient.py", EXAMPLE)
    id = Store(home).launch(parse(EXPERIMENT))
    path.unlink()
    tricks.LOOKS.clear()
    for name in ("runs.py", "catalog.py"):
        at = app.switch_page(name).run()
        assert not at.exception, at.exception[0].message
    app.switch_page("lab.py")
    app.query_params["experiment"] = id
    app.run()
    assert not app.exception, app.exception[0].message


def test_a_picture_that_stops_does_not_take_the_catalog_with_it(shelf, app):
    shelf(
        "power_gradient.py",
        EXAMPLE + "\n    def factor(self, step, steps):\n        return 1 / 0\n",
    )
    at = app.switch_page("catalog.py").run()
    assert not at.exception
    at.query_params["trick"] = "power_gradient"
    at.run()
    assert not at.exception
    assert any("ZeroDivisionError" in one.value for one in at.caption)


FAILING = EXAMPLE.replace("import Card", "import Rule, Card").replace(
    'cost="',
    'rules=(Rule(kind="hint", title="a", reason="b.", when=lambda own, other, facts: 1 / 0), '
    'Rule(kind="hint", title="Mind {gap}", reason="c.", when=lambda own, other, facts: {}), '
    'Rule(kind="hint", title="d", reason="e.")), cost="',
)


def test_a_rule_that_fails_is_told_and_the_page_goes_on(shelf, app):
    shelf("power_gradient.py", FAILING)
    line = next(i for i, text in enumerate(FAILING.splitlines(), 1) if "1 / 0" in text)
    setup = Setup.model_validate(EXPERIMENT["setup"])
    found = notices(setup, [catalog()["power_gradient"](), catalog()["mixup"]()])
    assert [one.kind for one in found] == ["warning", "warning", "hint"]
    assert found[0].title == "A rule of Power gradient could not be asked"
    assert (
        f"power_gradient.py, line {line}: ZeroDivisionError: division by zero." in found[0].reason
    )
    assert "KeyError: 'gap'" in found[1].reason
    assert parse(EXPERIMENT), "it can be launched all the same"
    app.query_params["plan"] = pack(EXPERIMENT)
    app.run()
    assert not app.exception
    assert "ZeroDivisionError" in app.warning[0].value
    assert not app.button(key="launch").disabled
