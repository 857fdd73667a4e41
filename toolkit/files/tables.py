"""Rows as CSV text."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell of text for a formula, which may fetch and send."""


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV text: missing values as empty cells, numbers in full.

    Text that a spreadsheet would take for a formula has a ``'`` before it.

    >>> csv_text(["clip", "score"], [{"clip": "=1+1.mp4", "score": -0.5}, {"clip": "a.mp4", "score": None}])
    "clip,score\\n'=1+1.mp4,-0.5\\na.mp4,\\n"
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value
