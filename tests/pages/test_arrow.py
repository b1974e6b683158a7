"""Tables for the page, without pandas."""

from __future__ import annotations

import math
import subprocess
import sys

import pyarrow
import pytest

from pages.parts import arrow


@pytest.mark.parametrize(
    ("values", "kind", "shown"),
    [
        ([1, None, 3], pyarrow.int64(), [1, None, 3]),
        ([1, 2.5, None], pyarrow.float64(), [1.0, 2.5, None]),
        (["a", None], pyarrow.string(), ["a", None]),
        ([True, None], pyarrow.bool_(), [True, None]),
        ([["done"], ["2 failed", "done"]], pyarrow.list_(pyarrow.string()), None),
        ([None, None], pyarrow.null(), [None, None]),
        ([0.1, "auto", None], pyarrow.string(), ["0.1", "auto", None]),  # a knob that is set or not
        ([True, 3], pyarrow.string(), ["True", "3"]),
        ([(1, 2), None], pyarrow.string(), ["(1, 2)", None]),
        ([], pyarrow.null(), []),
        ([math.nan, 1.5, math.inf], pyarrow.float64(), [None, 1.5, None]),
        (['a\n"b"\u2028', "权重"], pyarrow.string(), None),
        ([f"{i} " + "long " * 500 for i in range(2000)], pyarrow.string(), None),  # several MB
    ],
)
def test_a_column_is_of_one_kind(values, kind, shown):
    made = arrow.of_columns({"a column": values})
    assert made.column_names == ["a column"]
    assert made.schema.field(0).type == kind
    assert made.column(0).to_pylist() == (values if shown is None else shown)


def test_rows_are_columns():
    made = arrow.of_rows([{"arm": "a", "n": 3}, {"arm": "b", "n": None}])
    assert made.to_pydict() == {"arm": ["a", "b"], "n": [3, None]}


def test_a_table_needs_no_pandas():
    code = (
        "import sys, streamlit as st\n"
        "from pages.parts import arrow, board, compare_runs, watch\n"
        "st.dataframe(arrow.of_columns({'State': [['done']], 'Seed': [1]}), key='runs',\n"
        "    column_config={'State': board.state_column([['done']])}, lazy=False)\n"
        "sys.exit('pandas' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
