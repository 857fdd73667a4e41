"""Figures at the top of docs/measured.md are printed below by scripts, with date, machine and command."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SUMMARY, FIRST, REST = (PROJECT / "docs" / "measured.md").read_text().partition("\n## ")
MEASURED = FIRST + REST
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-\d+)?")
ROWS = [line for line in SUMMARY.splitlines() if line.startswith("| ") and "benchmarks/" in line]


def test_every_figure_has_a_row():
    assert len(ROWS) >= 8


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.strip("| ").split(" | ")[-1].strip(" |`"))
def test_a_figure_is_one_that_its_script_printed(row):
    _, _, figure, script, _ = row.split("|")
    name = script.strip(" `")
    assert (PROJECT / name).is_file() and name in MEASURED, f"{name} has no output in docs/measured.md"
    missing = {number for number in NUMBER.findall(figure) if number not in NUMBER.findall(MEASURED)}
    assert not missing, f"{missing} of {figure.strip()!r} stand nowhere in docs/measured.md"


def test_dates_are_dates():
    assert re.findall(r"^## (.*)$", MEASURED, re.MULTILINE) == sorted(
        re.findall(r"^## (\d{4}-\d\d-\d\d)$", MEASURED, re.MULTILINE), reverse=True
    )
