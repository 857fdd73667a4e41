"""``score-sync`` in this process, and the table that it writes."""

import csv

import pytest

from speechlip.commands.cli import score_sync


def run(*arguments):
    """Exit code of ``score-sync``."""
    with pytest.raises(SystemExit) as ended:
        score_sync([str(argument) for argument in arguments])
    return ended.value.code


def table(out):
    """Rows of ``scores.csv``, names as the files have them."""
    with (out / "scores.csv").open(newline="") as file:
        return [row | {"clip": row["clip"].removeprefix("'")} for row in csv.DictReader(file)]
