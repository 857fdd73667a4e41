"""Conditions on clips: what they select is what Python selects row by row; what is none is refused."""

import operator

import numpy as np
import pyarrow
import pytest

from speechlip.errors import OptionError
from speechlip.shards.clips.columns import columns_of
from speechlip.shards.clips.query import fulfilled
from speechlip.shards.clips.where import parse_where

ROWS = [
    {"key": f"k{n}", "speaker": speaker, "yaw_deg": yaw, "n": n, "talks": n % 2 == 0, "date of birth": "1990"}
    for n, (speaker, yaw) in enumerate(
        [("ann", -50.0), ("ben", 3.5), ("cy", None), ("ann", 12.0), (None, 40.0), ("12", -0.4), ("di", 2.5)]
    )
]
TABLE = pyarrow.Table.from_pylist(ROWS)


def selected(where):
    chosen = fulfilled(TABLE, columns_of(TABLE.schema), where)
    assert chosen.shape == (len(ROWS),) and chosen.dtype == bool
    return [row["n"] for row, is_in in zip(ROWS, chosen, strict=True) if is_in]


def no_null(test):
    """A test of yaw that is false where there is none."""
    return lambda row: row["yaw_deg"] is not None and test(row["yaw_deg"])


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ("", lambda row: True),
        ("yaw_deg < 3.5", no_null(lambda yaw: yaw < 3.5)),
        ("abs(yaw_deg) >= 12", no_null(lambda yaw: abs(yaw) >= 12)),
        ("-1 <= yaw_deg < 12", no_null(lambda yaw: -1 <= yaw < 12)),
        ("not yaw_deg < 3.5", lambda row: not no_null(lambda yaw: yaw < 3.5)(row)),
        ("yaw_deg is null", lambda row: row["yaw_deg"] is None),
        ("yaw_deg is not null and talks", lambda row: row["yaw_deg"] is not None and row["talks"]),
        ("speaker = 'ann' or speaker == \"di\"", lambda row: row["speaker"] in ("ann", "di")),
        ("speaker != 'ann'", lambda row: row["speaker"] not in ("ann", None)),
        ("speaker in ('ann', 'cy')", lambda row: row["speaker"] in ("ann", "cy")),
        ("speaker not in ('ann', 'cy')", lambda row: row["speaker"] not in ("ann", "cy", None)),
        ("n in (1, 3, -2)", lambda row: row["n"] in (1, 3)),
        ("talks = true", lambda row: row["talks"]),
        ("NOT (talks OR n > 4)", lambda row: not (row["talks"] or row["n"] > 4)),
        ("n > 1 and n < 5 or n = 0", lambda row: (1 < row["n"] < 5) or row["n"] == 0),
        ("max(yaw_deg, n) > 5", lambda row: row["yaw_deg"] is not None and max(row["yaw_deg"], row["n"]) > 5),
        ("round(yaw_deg) = 2", no_null(lambda yaw: round(yaw) == 2)),
        ("round(yaw_deg, 1) = -0.4", no_null(lambda yaw: round(yaw, 1) == -0.4)),
        ("round(yaw_deg, 400) = 3.5 or round(n, -1e300) != 0", no_null(lambda yaw: yaw == 3.5)),
        ("round(n, yaw_deg) is null", lambda row: row["yaw_deg"] is None),
        ("round(1.7e308, -308) > 1.6e308", lambda row: True),
        ("len(speaker) = 2", lambda row: len(row["speaker"] or "") == 2),
        ("number(speaker) = 12", lambda row: row["speaker"] == "12"),
        ("`date of birth` = '1990' and n <= 1e0", lambda row: row["n"] <= 1),
        ("min(n, 3) = 3", lambda row: min(row["n"], 3) == 3),
        ("2 > 1", lambda row: True),
    ],
)
@pytest.mark.filterwarnings("error")
def test_it_selects_what_python_selects(where, holds):
    assert selected(where) == [row["n"] for row in ROWS if holds(row)]


def test_random_comparisons_of_numbers():
    rng = np.random.default_rng(0)
    signs = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
    for _ in range(100):
        sign, other = rng.choice(list(signs)), rng.choice(["and", "or"])
        first, second = rng.integers(0, 7, 2).tolist()
        join = all if other == "and" else any
        wanted = [row["n"] for row in ROWS if join((signs[sign](row["n"], first), not row["n"] < second))]
        assert selected(f"n {sign} {first} {other} not n < {second}") == wanted


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("speker = 'a'", r"no column 'speker'; there are: key, speaker, .*; did you mean speaker\?"),
        ("speaker < 3", r"speaker is text and 3 is a number; compare text with 'text'; number\(…\)"),
        ("n = 'a'", "n is a number and 'a' is text"),
        ("n = true", "n is a number and True is true or false"),
        ("n in (1, 'a')", "n is a number and 'a' is text"),
        ("n", "n is a number; a condition compares it, such as with > 1"),
        ("n and talks", "n is a number"),
        ("__import__('os').system('x')", r"cannot be read at \"\.system\('x'\)\": a condition has columns"),
        ("eval('1') = 1", "there is no function 'eval', there are abs, min, max, round, len, number"),
        ("n.real > 1", r"cannot be read at '\.real > 1'"),
        ("lambda: 1", "cannot be read at ': 1'"),
        ("[n for n in n]", "cannot be read at"),
        ("n > 1; import os", "cannot be read at '; import os'"),
        ("n >", "a value was expected, not the end"),
        ("(n > 1", r"'\)' was expected, not the end"),
        ("n > 1 2", "'2' was not expected there"),
        ("n is 3", "'null' was expected, not '3'"),
        ("n in (n)", "takes numbers and text alone"),
        ("len(n) > 1", r"len\(n\); n is a number, wanted text"),
        ("abs(n, n) > 1", r"abs\(n, n\); it takes 1 value;?"),
        ("max(n) > 1", r"max\(n\); it takes 2 to 16 values"),
        ("(" * 60 + "n > 1" + ")" * 60, "nested more than 50 times"),
        ("not " * 60 + "talks", "nested more than 50 times"),
        ("n > 1 and " * 2000, "at most 10000 are read"),
    ],
)
def test_what_is_no_condition_is_refused(where, message):
    with pytest.raises(OptionError, match=message):
        parse_where(where, {column.name: column.kind for column in columns_of(TABLE.schema)})
