"""Names stay text: in Markdown, in every piece of HTML, in files and in the scripts to take away.

A page with strange names has the skeleton of the page with plain ones: the same tags with the same
attributes, so nothing in a name was read as anything but letters.
"""

from __future__ import annotations

import ast
import csv
import random
from html.parser import HTMLParser
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pages.parts import armlist, compare_runs, compare_table, diagnosis, effectmap, forest
from pages.parts import tuned as tuned_part
from pages.parts import words as page_words
from pages.parts.results import results
from pages.parts.takeaway import file_name as download_name
from tests.faults.hostile import NAMES, word
from tests.faults.markdown import marks, words
from tests.pages.bench import Bench, plan
from tests.pages.test_charts import combinations
from tests.pages.test_compare_scene import scene
from trainer import names, sentences
from trainer.doctor import Caption
from trainer.experiment import Arm, Experiment, parse
from trainer.export import export
from trainer.export.material import file_names, gather
from trainer.export.report import report
from trainer.export.report_findings import bold
from trainer.export.script import file_name, script
from trainer.names import cell, in_file, in_table, reserved, tidied

READABLE = tuple(dict.fromkeys(name.strip() for name in NAMES))
ANY_NAME = st.text(min_size=1, max_size=80) | st.sampled_from(READABLE)
EXAMPLES = settings(max_examples=800, derandomize=True, database=None, deadline=None)


class Skeleton(HTMLParser):
    """Tags and attributes in order; the values only of those that names do not reach."""

    OPEN = frozenset({"title", "aria-label", "data-rows", "data-title", "alt", "href", "download"})

    def __init__(self) -> None:
        super().__init__()
        self.bones: list[object] = []

    def handle_starttag(self, tag, attrs):
        self.bones.append((tag, [(key, None if key in self.OPEN else text) for key, text in attrs]))

    def handle_endtag(self, tag):
        self.bones.append(tag)

    def handle_comment(self, data):
        self.bones.append(("comment", data))

    def handle_decl(self, decl):
        self.bones.append(("declaration", decl))

    def handle_pi(self, data):
        self.bones.append(("instruction", data))


def skeleton(html: str) -> list[object]:
    parser = Skeleton()
    parser.feed(html)
    parser.close()
    return parser.bones


def named(experiment: Experiment, name: str) -> Experiment:
    """The same experiment with other names; short ones may not break a line, long ones may."""
    data = experiment.dump()
    data["name"] = name
    for i, arm in enumerate(data["arms"]):
        arm["name"] = f"{name[:76]}{i}" if i else name
    return parse(data)


def pieces(bench: Bench) -> dict[str, str]:
    """The pieces of HTML of the last experiment: of the page that watches it, and its report."""
    look = bench.look()
    found, effects = results(look), effectmap.known_effects(look)
    arms = [one.name for one in look.row.experiment.arms]
    data = look.row.experiment.dump()["arms"]
    caption = Caption("noisy", "Noisy", "It is noisy.", {}, "Wait.")
    made = {
        "forest": forest.table(look, found, 2).replace(" class='long'", ""),
        "arms": "".join(armlist.line(i, arm, data[0]) for i, arm in enumerate(data) if i),
        "doctor": diagnosis.doctor_lines(look, [[caption] for _ in arms]),
        "legend": diagnosis.key([(i, name, None) for i, name in enumerate(arms)]),
        "report": report(gather(bench.store, bench.id), at=0),
    }
    if look.trials:
        made["tuned"] = tuned_part.page(look)
    if effects is not None:
        made["effects"] = effectmap.figures(effects, found)
    return made


@EXAMPLES
@given(ANY_NAME)
def test_markdown_shows_a_name_as_typed(name):
    for shown in (sentences.escape(name), page_words.plain(name)):
        assert marks(f"See {shown} there.") == []
        assert marks(shown) == []
        if names.readable(name):
            read = words(f"See {shown} there.").replace(sentences.JOINER, "")
            assert read.split() == f"See {name.replace(sentences.JOINER, '')} there.".split()
    assert bold(f"**{sentences.escape(name)}**").startswith("<b>")
    assert skeleton(bold(f"**{sentences.escape(name)}**")) == [("b", []), "b"]


@EXAMPLES
@given(st.text(max_size=300) | st.sampled_from(NAMES))
def test_a_name_in_a_file_or_a_table_is_only_a_name(text):
    plain = in_file(text)
    assert PurePosixPath(plain).name == plain == PureWindowsPath(plain).name
    assert plain not in (".", "..") and not reserved(plain) and plain == plain.strip(" .")
    assert 0 < len(plain.encode()) <= names.MOST_BYTES + 1
    assert not set(plain) & set('<>:"/\\|?*')
    assert names.readable(plain) or plain == "_"
    for shown in (cell(text), in_table(text)):
        assert not shown.lstrip(" \u00a0\u3000").startswith(names.FORMULA)
        assert shown.endswith(text)
    kept = tidied(text)
    assert kept == "" or names.readable(kept)
    assert tidied(kept) == kept and len(kept) <= names.LONGEST


@pytest.mark.parametrize("seed", range(4))
def test_arms_have_files_of_their_own(seed):
    rng = random.Random(seed)
    for _ in range(250):
        given_names = [rng.choice(READABLE), rng.choice(READABLE), word(rng), "a", "A", "a (2)"]
        found = file_names(given_names)
        assert len({one.casefold() for one in found}) == len(found)
        assert all(PureWindowsPath(one).name == one and len(one.encode()) < 200 for one in found)
        known = {name for name in given_names if names.readable(name) and len(name) <= 80}
        scripts = [file_name(Arm(name=name)) for name in known]
        assert len({one.casefold() for one in scripts}) == len(known)
        assert all(one.removesuffix(".py").isidentifier() and not reserved(one) for one in scripts)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A store with trained runs. Experiments that differ in names alone share them."""
    one = Bench(tmp_path_factory.mktemp("names"))
    tuned = plan(("baseline", "mixup"), seeds=2).dump()
    tuned = parse(tuned | {"tune": {"scales": [0.5, 1], "seeds": 2}})
    one.kinds = (PLAIN, tuned, combinations(2, 6))
    for experiment in one.kinds:
        again(one, experiment)
    return one


def again(bench: Bench, experiment: Experiment) -> str:
    """Launch it and train what is not trained yet: of names alone nothing."""
    id = bench.launch(experiment)
    bench.train_all()
    bench.store.settle(id)
    bench.train_all()
    return id


PLAIN = plan(("baseline", "dropout"), seeds=6)


def test_nothing_in_a_name_is_a_tag_or_a_mark(bench):
    """Of the pieces of a page, of the report, and of the sentences."""
    for i, experiment in enumerate(bench.kinds):
        again(bench, named(experiment, "plain"))
        wanted = {which: skeleton(one) for which, one in pieces(bench).items()}
        said = [marks(one) for one in told(bench)]
        for name in READABLE[:: 1 if i == 0 else 6]:
            again(bench, named(experiment, name))
            for which, html in pieces(bench).items():
                assert skeleton(html) == wanted[which], (which, name)
            assert [marks(one) for one in told(bench)] == said, name


def test_the_comparing_page_escapes_its_groups(home):
    for name in READABLE:
        own = Bench(home)
        shown = scene(own, named(PLAIN, name), named(PLAIN, "plain"), apart=True)
        html = compare_table.table(shown) + compare_table.settings_table(shown)
        assert not set(tags(html)) & {"script", "img", "h1", "a", "title", "style", "textarea"}
        rows = list(csv.reader(compare_runs.as_csv(shown, compare_runs.lines(shown)).splitlines()))
        assert all(cell(one) == one or number(one) for row in rows for one in row)
        for column in compare_runs.table(shown, compare_runs.lines(shown)).values():
            assert all(cell(one) == one for one in column if isinstance(one, str))


@pytest.mark.parametrize("name", READABLE)
def test_exports_write_safe_files(name, bench, tmp_path):
    id = bench.launch(named(PLAIN, name))
    for format in ("csv", "tensorboard"):
        folder = tmp_path / "out" / format
        written = export(bench.store, id, format, folder)
        assert written.files and not written.left_out
        for file in written.files:
            assert file.is_file() and file.resolve().is_relative_to(folder.resolve())
            parts = file.relative_to(folder).parts
            assert all(not reserved(one) and len(one.encode()) < 200 for one in parts)
            assert all(PureWindowsPath(one).name == one for one in parts)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["home", "out"]
    with (tmp_path / "out" / "csv" / "runs.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert row["name"] == cell(name) and row["arm"] in (cell(name), cell(f"{name[:76]}1"))
            assert all(cell(one) == one or number(one) for one in row.values())
    shown = download_name(bench.store.experiment(id))
    assert PureWindowsPath(shown).name == shown and len(shown.encode()) < 200


@pytest.fixture(scope="module")
def program():
    return without_docstring(ast.parse(script(PLAIN, PLAIN.arms[1], 0)))


@pytest.mark.parametrize("name", [one for one in READABLE if set(one) & set("\"'\\#{%")])
def test_a_script_is_the_same_program_whatever_the_name(name, program):
    strange = named(PLAIN, name)
    made = ast.parse(script(strange, strange.arms[1], 0))
    assert "experiment" in ast.get_docstring(made)
    assert without_docstring(made) == program


def without_docstring(tree: ast.Module) -> str:
    return ast.dump(ast.Module(body=tree.body[1:], type_ignores=[]))


def number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def tags(html: str) -> list[str]:
    return [one[0] for one in skeleton(html) if isinstance(one, tuple)]


def told(bench: Bench) -> list[str]:
    """The sentences of a page that are Markdown."""
    look = bench.look()
    found = results(look)
    effects = effectmap.known_effects(look)
    return [found.sentence, *([effectmap.sentence(effects, found)] if effects else [])]
