"""``ledger.jsonl``: written, read and checked a row at a time."""

import json
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import accumulate
from operator import eq
from pathlib import Path
from typing import get_origin, overload

from speechlip.errors import ShardError
from speechlip.files.writing import whole_file
from speechlip.format import LEDGER
from speechlip.shards.ledger import FIELDS, LedgerRow, row_from


@dataclass(frozen=True, eq=False)
class StoredLedger(Sequence[LedgerRow]):
    """The rows of a ledger on disk, read anew each time they are gone through: a million rows are gigabytes.

    path: of the file.
    n_rows: how many it has.
    """

    path: Path
    n_rows: int

    def __len__(self) -> int:
        return self.n_rows

    def __iter__(self) -> Iterator[LedgerRow]:
        return map(row_of_this_release, read_rows(self.path))

    @overload
    def __getitem__(self, index: int) -> LedgerRow: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[LedgerRow, ...]: ...
    def __getitem__(self, index: int | slice) -> LedgerRow | tuple[LedgerRow, ...]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(len(self))[index])
        with self.path.open("rb") as file:
            file.seek(self._offsets[range(len(self))[index]])
            return row_of_this_release(json.loads(file.readline()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(eq, self, other))

    @cached_property
    def _offsets(self) -> "array[int]":
        """Where each row begins, bytes."""
        with self.path.open("rb") as lines:
            return array("q", accumulate(map(len, lines), initial=0))


def write_ledger(path: Path, lines: Iterable[bytes]) -> StoredLedger:
    """Write ``ledger.jsonl`` a line at a time; it appears whole or not at all. Raises WriteError."""
    count = 0
    with whole_file(path) as file:
        for line in lines:
            file.write(line)
            count += 1
    return StoredLedger(path, count)


def read_rows(path: Path) -> Iterator[dict]:
    """The rows of a ``ledger.jsonl`` as JSON has them, one at a time.

    Only a line feed ends a row: names may hold U+0085, U+2028 and U+2029.
    """
    with path.open(encoding="utf-8", newline="\n") as lines:
        yield from map(json.loads, lines)


def row_of_this_release(raw: Mapping[str, object]) -> LedgerRow:
    """A row without the fields that this release does not know. Raises TypeError as ``row_from`` does."""
    return row_from({name: value for name, value in raw.items() if name in FIELDS})


def stored_ledger(folder: Path) -> StoredLedger:
    """The rows of a prepared folder, checked, and left on disk. Raises ShardError for what is no ledger."""
    path = folder / LEDGER
    try:
        rows = map(checked, map(row_of_this_release, read_rows(path)))
        return StoredLedger(path, sum(1 for _ in rows))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError, MemoryError) as error:
        raise ShardError(
            f"{path} cannot be read ({error}); restore it, or prepare the folder again"
        ) from error


def read_ledger(folder: Path) -> list[LedgerRow]:
    """All rows of a prepared folder at once. Raises ShardError for what is no ledger."""
    return list(stored_ledger(folder))


def checked(row: LedgerRow) -> LedgerRow:
    """The row. Raises ValueError where a field is of another type, or a number is none."""
    for each in fields(row):
        value, wanted = getattr(row, each.name), get_origin(each.type) or each.type
        inner = value.values() if isinstance(value, dict) else [value]
        sound = isinstance(value, (int, float) if wanted is float else wanted)  # type: ignore[arg-type]
        if not sound or not all(math.isfinite(number) for number in inner if isinstance(number, float)):
            raise ValueError(f"{each.name} is {value!r:.60}")
    return row
