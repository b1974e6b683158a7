"""Tables as Streamlit sends them. Of anything else it makes one by pandas, whose import takes half
a second and 40 MB that nothing else on these pages needs. It imports it, too, to find out whether
a table should be sent in parts: ``lazy=False`` goes with these.
"""

from __future__ import annotations

import io
import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow

KINDS = {bool: "bool", int: "int64", float: "float64", str: "string", list: "list"}


def of_columns(columns: Mapping[str, Sequence[Any]]) -> pyarrow.Table:
    """Columns of equal length by their names; None and NaN are empty cells.

    A column is numbers, flags, texts or lists of texts; where it is some of each it is texts.
    """
    import pyarrow as pa
    from pyarrow.json import ParseOptions, ReadOptions, read_json

    types = {"list": pa.list_(pa.string()), "null": pa.null()}
    made = {name: alike(values) for name, values in columns.items()}
    schema = pa.schema(
        [(name, types.get(kind) or pa.type_for_alias(kind)) for name, (kind, _) in made.items()]
    )
    # pyarrow asks pandas about every object that it makes an array of; of JSON it asks nobody.
    rows = zip(*(values for _, values in made.values()), strict=True)
    text = "\n".join(json.dumps(dict(zip(made, row, strict=True))) for row in rows)
    if not text:
        return schema.empty_table()
    size = ReadOptions(use_threads=False, block_size=max(2**20, 2 * len(text)))
    return read_json(io.BytesIO(text.encode()), size, ParseOptions(explicit_schema=schema))


def of_rows(rows: Sequence[Mapping[str, Any]]) -> pyarrow.Table:
    """Rows that all have the same keys."""
    return of_columns({name: [row[name] for row in rows] for name in rows[0]})


def alike(values: Sequence[Any]) -> tuple[str, list[Any]]:
    """The kind of a column, and its values as that."""
    known = [None if isinstance(one, float) and not math.isfinite(one) else one for one in values]
    kinds = {type(one) for one in known if one is not None}
    if not kinds:
        return "null", known
    if kinds == {int, float}:
        kinds = {float}
    if len(kinds) == 1 and (kind := KINDS.get(*kinds)):
        return kind, known
    return "string", [None if one is None else str(one) for one in known]
