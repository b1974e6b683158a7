"""Names and ids in tables: what a spreadsheet or pandas would take for something else."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from trainer import names
from trainer.names import ABSENT, cell, id_cell, new_id


def test_a_name_that_begins_like_a_formula_is_none_in_a_spreadsheet():
    assert cell("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert cell("baseline") == "baseline"


@pytest.mark.parametrize("name", ["None", "NA", "null", "nan", " N/A ", "<NA>", "-NaN"])
def test_a_name_that_reads_as_no_value_is_marked_as_a_text(name):
    file = io.StringIO(f"arm,seed\n{name.strip()},1\n")
    assert pd.read_csv(file)["arm"].isna().all()
    assert cell(name) == f"'{name}"


def test_all_that_pandas_reads_as_no_value_is_known():
    from pandas._libs.parsers import STR_NA_VALUES

    strange = {one for one in STR_NA_VALUES if not one or "#I" in one or "#Q" in one}
    assert STR_NA_VALUES - strange == ABSENT


def test_charts_files_know_the_same_words():
    script = (Path(__file__).parents[2] / "pages" / "parts" / "files.js").read_text("utf-8")
    (words,) = re.findall(r"ABSENT = new Set\(\[(.*?)\]\)", script, re.DOTALL)
    assert set(re.findall(r"'(.*?)'", words)) == ABSENT


@pytest.mark.parametrize("id", ["12345678", "00012345", "1265e740", "1e999999"])
def test_an_id_that_reads_as_a_number_is_marked_as_a_text(id):
    assert isinstance(float(id), float)
    assert id_cell(id) == f"'{id}"


@pytest.mark.parametrize("id", ["1265e74a", "e1234567", "1234567e", "12e4e678", "abcdef01"])
def test_every_other_id_stays_as_it_is(id):
    with pytest.raises(ValueError, match="could not convert"):
        float(id)
    assert id_cell(id) == id


def test_no_new_id_reads_as_a_number(monkeypatch):
    drawn = iter(["12345678" * 4, "1265e740" * 4, "1265e74a" * 4])
    monkeypatch.setattr(names, "uuid4", lambda: SimpleNamespace(hex=next(drawn)))
    assert new_id() == "1265e74a"
