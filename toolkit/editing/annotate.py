"""``speechlip.annotate_clips``: columns of one's own in every sample, from a CSV file."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from speechlip.checks import check_path, check_type
from speechlip.editing.copying import Change
from speechlip.editing.facts import facts_of
from speechlip.editing.given import GivenFolder, open_given
from speechlip.editing.packing import as_they_are
from speechlip.editing.run import Draft, ends_of_edit, run_edit
from speechlip.editing.sample import Sample
from speechlip.errors import OptionError
from speechlip.files.stamps import sha256_of
from speechlip.files.strict_json import encode_json
from speechlip.manifest import Edit
from speechlip.preparing.ends.local import DEFAULT_WORK, WorkPlace
from speechlip.preparing.prepared import Prepared
from speechlip.progress import SILENT, Progress
from speechlip.shards.clips.scan import META
from speechlip.shards.sample_meta import OWN_META
from speechlip.wording import counted, listed

BY = ("key", "source", "speaker")
"""What a row of the CSV may name its clips by."""
MAX_CELL = 1 << 20


def annotate_clips(
    folder: str | Path,
    out: str | Path,
    table: str | Path,
    *,
    replace_columns: bool = False,
    progress: Progress = SILENT,
    work: WorkPlace = DEFAULT_WORK,
) -> Prepared:
    """Put the columns of a CSV file into the ``json`` of every sample, in the folder ``out``.

    table: a CSV file with a column ``key``, ``source`` or ``speaker``, which says whose row it is; every
    other column is carried as text. A clip without a row gets empty text.
    replace_columns: take a column that the clips have already in place of theirs; else it is refused.

    All other members are copied byte for byte. Raises OptionError for what is no such table, with the row;
    ShardError as ``select_clips`` does.
    """
    check_type("replace_columns", replace_columns, bool)
    path = check_path("table", table)
    rows = read_table(path)
    ends, given = ends_of_edit(out, work, progress), open_given(folder, progress)
    by = next(name for name in BY if name in rows[0])
    names = [name for name in rows[0] if name != by]
    refuse_names(given, names, replace_columns)
    edit = Edit(
        operation="annotate",
        of=(given.digest,),
        arguments={"columns": names, "by": by, "table_sha256": sha256_of(path)},
    )

    def draft() -> Draft:
        said = rows_by(by, rows, given)
        without = sum(value_of(sample, by) not in said for sample in given.samples)
        if without:
            progress.say(f"{counted(without, 'clip')} without a row in {path.name}: empty text there")
        empty = dict.fromkeys(names, "")
        change = Change(
            (META,),
            lambda sample, meta: {META: encode_json(meta | said.get(value_of(sample, by), empty))},
        )
        shards = [replace(shard, whole=None, change=change) for shard in as_they_are(given.shards)]
        facts = facts_of(given, edit)
        columns = sorted({*given.manifest.columns, *names})
        return Draft([given], shards, given.rows, replace(facts, columns=columns))

    return run_edit(ends, edit, [given], draft, progress)


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file. Raises OptionError for one that cannot be read, or names no clips."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
            names = list(reader.fieldnames or [])
    except (OSError, ValueError, csv.Error) as error:
        raise OptionError(f"{path} cannot be read as CSV: {error}; save it as CSV in UTF-8") from error
    if len({*names}) < len(names):
        raise OptionError(f"{path} has a column twice among {', '.join(names)}; give each a name of its own")
    if not rows or len({*names} & {*BY}) != 1 or len(names) < 2:
        raise OptionError(
            f"{path} has the columns {', '.join(names) or 'none'} and {counted(len(rows), 'row')}; wanted "
            f"one of {', '.join(BY)}, at least one more column, and a row"
        )
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise OptionError(f"{path}, line {number} has not the {len(names)} cells of its first line")
        if any(len(text) > MAX_CELL for text in row.values()):
            raise OptionError(f"{path}, line {number} has a cell of more than {MAX_CELL} characters")
    return rows


def refuse_names(given: GivenFolder, names: Sequence[str], replace_columns: bool) -> None:
    """Raise OptionError for a column that cannot be carried, or is there already."""
    for name in names:
        if not name or re.search(r"[\x00-\x1f]", name):
            raise OptionError(f"a column is called {name!r}; give it a name of letters and digits")
        if name in OWN_META:
            raise OptionError(f"a column is called {name!r}, which every sample has of its own; rename it")
        if name in given.manifest.columns and not replace_columns:
            raise OptionError(f"the clips have a column {name!r} already; rename it, or take --replace")


def rows_by(by: str, rows: Sequence[Mapping[str, str]], given: GivenFolder) -> dict[str, dict[str, str]]:
    """Name → what its row says. Raises OptionError for a name twice, or one that no clip has."""
    said: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows, 2):
        if row[by] in said:
            raise OptionError(f"line {number} of the table names {by} {row[by]!r} once more")
        said[row[by]] = {name: text for name, text in row.items() if name != by}
    known = {value_of(sample, by) for sample in given.samples}
    if unknown := [name for name in said if name not in known]:
        raise OptionError(
            f"{counted(len(unknown), 'row')} of the table of a {by} that no clip has: "
            f"{listed([repr(name) for name in unknown])}"
        )
    return said


def value_of(sample: Sample, by: str) -> str:
    return {"key": sample.key, "source": sample.source, "speaker": sample.speaker}[by]
