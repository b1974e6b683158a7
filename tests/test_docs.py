"""What the README and the checks promise exists: commands, files, options."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from trainer.datasets import DATASETS
from trainer.experiment import parse
from trainer.limits import HOME, WORKSHOP
from tricks import catalog

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"python -m trainer (\w+)", README)))


def trainer(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "trainer", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readme_names_the_commands():
    assert set(COMMANDS) >= {"run", "tricks", "status", "stop", "worker"}


def test_help_lists_every_command_of_the_readme():
    listed = re.findall(r"^ {2,4}(\w+) ", trainer("--help"), re.M)
    assert set(COMMANDS) <= set(listed)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    assert f"python -m trainer {command}" in trainer(command, "--help")


def test_the_short_commands_of_the_readme_work():
    assert "Mixup" in trainer("tricks")
    trainer("status")
    trainer("stop")


def test_the_example_can_be_run():
    (path,) = re.findall(r"python -m trainer run (\S+\.json)", README)
    one = parse((ROOT / path).read_text(encoding="utf-8"))
    assert len(one.seeds) >= 6, "an example that can claim nothing teaches nothing"


def test_the_readmes_checks_can_fail(tmp_path):
    """The script that CI runs over the README refuses one that is worse."""
    script = (ROOT / "tests" / "readme.py").read_text(encoding="utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "readme.py").write_text(script, encoding="utf-8")
    worse = README.replace("LICENSE)", "LICENCE)").replace(
        "streamlit run app.py", "streamlit hello"
    )
    (tmp_path / "README.md").write_text(worse, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "tests" / "readme.py"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "LICENCE does not exist" in done.stdout
    assert "the first screen must show two commands" in done.stdout


def test_the_data_sets_of_the_readme_are_those_of_the_code():
    free = {f"`{one.name}`" for one in DATASETS.values() if one.download_mb is None}
    assert {"`digits`", "`shapes`"} <= free
    sizes = [one.download_mb for one in DATASETS.values() if one.download_mb]
    assert f"({min(sizes)} to {max(sizes)} MB)" in README


def test_the_limits_of_the_readme_are_those_of_the_code():
    rows = {}
    for line in re.findall(r"^\| ((?:runs|launches|open|wrong).*) \|$", README, re.M):
        what, workshop, at_home = (part.strip() for part in line.split("|"))
        rows[what] = workshop, at_home
    each, every = "of one person", "in all"
    assert rows == {
        f"runs that wait, {each}": (f"{WORKSHOP.waiting_each:,}", ""),
        f"runs that wait, {every}": (f"{WORKSHOP.waiting:,}", f"{HOME.waiting:,}"),
        f"launches in a minute, {each}": (f"{WORKSHOP.launches_each}", ""),
        f"open pages, {each}": (f"{WORKSHOP.sessions_each}", ""),
        f"open pages, {every}": (f"{WORKSHOP.sessions}", f"{HOME.sessions}"),
        "wrong passcodes in a minute, from one address and in all": (
            f"{WORKSHOP.tries_each} and {WORKSHOP.tries}",
            "",
        ),
    }


def test_the_server_listens_on_this_machine_unless_asked_otherwise():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert settings["server"]["address"] == "127.0.0.1"
    assert set(settings["server"]["allowedHosts"]) == {"localhost", "127.0.0.1"}


def test_before_a_commit_runs_what_ci_runs():
    hooks = re.findall(r"entry: (.+)", (ROOT / ".pre-commit-config.yaml").read_text())
    ci = (ROOT / ".ci" / "run").read_text().splitlines()
    assert len(hooks) == 4
    assert ci[-len(hooks) :] == hooks


def test_every_card_says_what_to_watch_out_for_and_who_says_so():
    for name, trick in catalog().items():
        card = trick.card
        assert card.watch_out.strip(), name
        assert card.claimed_by.strip(), name
        assert card.paper.arxiv or card.paper.where, name
        assert all(knob.help.strip() for knob in trick.knobs()), name
