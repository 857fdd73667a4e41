"""What ``speechlip clips`` prints: counts by split, clips, columns."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.commands.terminal import echo
from speechlip.errors import OptionError
from speechlip.files.tables import csv_text
from speechlip.format import CLIPS
from speechlip.remote.names import is_remote
from speechlip.shards.clips.curves import plot_clips
from speechlip.shards.clips.make import make_clips
from speechlip.shards.clips.query import Amount, ClipTable, clips
from speechlip.shards.clips.where import with_preset, words_in
from speechlip.wording import clock, counted, shown

LISTED = 10
FIRST_COLUMNS = ("key", "split", "speaker", "seconds")


def run(
    shards: str | Path,
    where: str,
    quality: str | None,
    split: str | None,
    columns: str,
    limit: int | None,
    form: str | None,
    plot: Path | None,
    describe: bool,
    make: bool,
) -> int:
    """List and count clips; returns the exit code."""
    if make:
        if is_remote(shards):
            raise OptionError(f"--make writes into the folder, and {shards} is elsewhere; copy it here first")
        made = make_clips(shards)
        echo(f"{Path(shards) / CLIPS} has {counted(made.rows, 'row')}", err=True)
    table = clips(shards, with_preset(where, quality) if quality else where, split=split)
    if plot:
        echo(f"curves: {plot_clips(table, plot)}", err=True)
    if describe:
        echo(described(table))
        return 0
    asked = [name for name in words_in(where) if name in table.table.column_names]
    names = named_columns(columns) or list(dict.fromkeys([*FIRST_COLUMNS, *asked]))
    rows = table.chosen(names).slice(0, listed_number(limit, form)).to_pylist()
    if form == "csv":
        echo(csv_text(names, rows).rstrip("\n"))
    elif form == "json":
        echo(as_object(table, rows))
    else:
        show(table, names, rows)
    return 0


def listed_number(limit: int | None, form: str | None) -> int | None:
    """How many clips are listed; None: all."""
    return limit if limit is not None else None if form else LISTED


def named_columns(text: str) -> list[str]:
    """Names with commas between them."""
    return [name.strip() for name in text.split(",") if name.strip()]


def as_object(table: ClipTable, rows: Sequence[dict[str, Any]]) -> str:
    """Counts and clips as JSON."""
    splits = {
        name: {"all": asdict(whole), "kept": asdict(kept)} for name, (whole, kept) in table.splits.items()
    }
    return json.dumps({"where": table.where, "splits": splits, "clips": list(rows)}, ensure_ascii=False)


def show(table: ClipTable, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Print what each split keeps, then clips."""
    splits = table.splits
    lines = [[name, *amounts(*amount)] for name, amount in splits.items()]
    if len(splits) != 1:
        lines.append(["all", *amounts(*table.total)])
    for line in aligned(lines):
        echo(line)
    if rows:
        echo("")
        for line in aligned([list(names), *([cell(row[name]) for name in names] for row in rows)]):
            echo(line)
    if len(table) > len(rows):
        echo(f"… {len(table) - len(rows)} more; --limit 0 lists none, --csv all")


def amounts(whole: Amount, kept: Amount) -> list[str]:
    """What is kept of a split, in words."""
    share = f"{100 * kept.seconds / whole.seconds:.0f} %" if whole.seconds else "–"
    return [
        f"{kept.clips} of {counted(whole.clips, 'clip')}",
        f"{clock(kept.seconds)} of {clock(whole.seconds)}",
        share,
        f"{kept.speakers} of {counted(whole.speakers, 'speaker')}",
    ]


def cell(value: Any) -> str:
    """A value for a table on a terminal."""
    if value is None:
        return "null"
    return f"{value:g}" if isinstance(value, float) else shown(str(value))


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Cells as lines whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)] if lines else []
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def described(table: ClipTable) -> str:
    """The columns: type, unit, range of the clips that fulfil the condition, nulls, meaning."""
    lines = [["column", "type", "unit", "values", "null", "meaning"]]
    for column in table.columns:
        values = table.column(column.name)
        kept, nulls = values.data[table.kept], values.nulls[table.kept]
        stated = kept[~nulls]
        span = f"{stated.min():g} … {stated.max():g}" if column.is_number and len(stated) else ""
        different = counted(len(set(stated.tolist())), "value") if not column.is_number else span
        empty = str(int(np.sum(nulls))) if nulls.any() else ""
        lines.append([column.name, column.words, column.unit, different, empty, column.meaning])
    return "\n".join(aligned(lines))
