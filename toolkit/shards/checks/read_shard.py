"""What one shard holds, and what is wrong with it by itself: read in any process."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechlip.errors import ShardError
from speechlip.files.stamps import sha256_of
from speechlip.format import shard_file
from speechlip.manifest import ShardRow
from speechlip.remote.mirror import shard_on_disk
from speechlip.shards.checks.samples import META_TYPES, sample_problems, signature
from speechlip.shards.checks.sentences import MAX_PROBLEMS, unbroken
from speechlip.shards.clips.scan import scan_shard
from speechlip.shards.clips.table import Row, clip_row
from speechlip.shards.read.decode import decode_json
from speechlip.shards.read.tar_members import open_tar, plain_members, said_of
from speechlip.shards.sample_meta import SampleMeta
from speechlip.spectra import one_thread
from speechlip.workers.events import Crashed, Report

COUNTED_META = ("source", "speaker", "source_sha256", "start_s", "n_frames", "licence")
"""What of a sample's ``json`` the counts, the ledger and the pairs are compared with."""
COUNTED_ONLY = ""
"""Stands for each sentence after the first ``MAX_PROBLEMS`` of a shard, which nobody will read."""

Numbered = tuple[int, ShardRow]
"""A shard and its place in the manifest."""


@dataclass(frozen=True)
class SampleReading:
    """One sample.

    key: of the sample.
    problems: sentences about it alone.
    types: field → type of its ``json``; None where that cannot be read.
    meta: its ``json``; None where what must be counted is missing or of another type.
    """

    key: str
    problems: tuple[str, ...]
    types: dict[str, str] | None = None
    meta: SampleMeta | None = None


@dataclass(frozen=True)
class ShardReading:
    """One shard.

    is_read: False where there is no such file, or reading it ended the process.
    of_file: sentences about its bytes and its tar headers.
    samples: in their order.
    broken_off: why the samples end early; else empty.
    rows: of ``clips.parquet``, as its samples make them; empty where nobody asks.
    no_rows: why they cannot be made; else empty.
    """

    is_read: bool = True
    of_file: tuple[str, ...] = ()
    samples: tuple[SampleReading, ...] = ()
    broken_off: str = ""
    rows: tuple[Row, ...] = ()
    no_rows: str = ""


def read_shard(
    numbered: Numbered,
    report: Report,
    *,
    folder: Path,
    fields: tuple[str, ...],
    columns: tuple[str, ...] | None,
) -> ShardReading:
    """Read a shard of ``folder``; one that is elsewhere lies on this disk meanwhile.

    report: hears of each sample.
    fields: members that each sample must have.
    columns: names of the users' own columns; None: rows of ``clips.parquet`` are not wanted.

    Raises HubError and WriteError.
    """
    _, row = numbered
    report(row.name, 0)
    try:
        with one_thread(), shard_on_disk(folder, row.name, row.bytes) as path:
            return _reading(path, row, fields, columns, report) if path.is_file() else ShardReading(False)
    except ShardError as error:
        return ShardReading(broken_off=str(error))


def unread_shard(numbered: Numbered, crash: Crashed[Numbered]) -> ShardReading:
    """What stands for a shard at which a process died twice."""
    ended = f"{shard_file(numbered[1].name)} ended the process that read it, twice ({crash.detail})"
    return ShardReading(False, (f"{ended}; it is damaged, or there is too little memory",))


def read_plain(path: Path) -> Iterator[dict[str, Any]]:
    """The samples of one shard as plain ``webdataset.WebDataset`` gives them.

    Raises ShardError where it cannot.
    """
    import webdataset

    with said_of(path):
        yield from webdataset.WebDataset([str(path.resolve())], shardshuffle=False)


def _reading(
    path: Path, row: ShardRow, fields: tuple[str, ...], columns: tuple[str, ...] | None, report: Report
) -> ShardReading:
    name, sentences, samples = shard_file(row.name), _Sentences(), list[SampleReading]()
    of_file = sentences.of(f"{name} has {problem}" for problem in _other_bytes(path, row))
    try:
        of_file += sentences.of(f"{name}: {problem}" for problem in _header_problems(path))
        for raw in read_plain(path):
            samples.append(_sample(raw, fields, sentences))
            report(row.name, 1)
        broken_off = ""
    except ShardError as error:
        broken_off = str(error)
    rows, no_rows = ((), "") if columns is None else _rows(path, row, columns)
    return ShardReading(True, of_file, tuple(samples), broken_off, rows, no_rows)


class _Sentences:
    """Counts the sentences about one shard, so that a hostile one does not fill the memory with them."""

    def __init__(self) -> None:
        self.n = 0

    def of(self, problems: Iterator[str]) -> tuple[str, ...]:
        kept = []
        for problem in problems:
            self.n += 1
            kept.append(problem if self.n <= MAX_PROBLEMS else COUNTED_ONLY)
        return tuple(kept)


def _rows(path: Path, row: ShardRow, columns: tuple[str, ...]) -> tuple[tuple[Row, ...], str]:
    try:
        return tuple(clip_row(row, span, columns) for span in scan_shard(path)), ""
    except ShardError as error:
        return (), str(error)


def _other_bytes(path: Path, row: ShardRow) -> Iterator[str]:
    if path.stat().st_size != row.bytes:
        yield f"{path.stat().st_size} bytes, the manifest says {row.bytes}"
        return
    with said_of(path):
        sha256 = sha256_of(path)
    if sha256 != row.sha256:
        yield f"SHA-256 {sha256}, the manifest says {row.sha256}"


def _header_problems(path: Path) -> Iterator[str]:
    """Sentences about tar headers: not plain files, a clock or a user in them, members of a sample not
    sorted.
    """
    before = ""
    with said_of(path), open_tar(path) as tar:
        for member in plain_members(tar):
            if not member.isreg():
                yield f"{member.name} is not a plain file"
            if member.mtime or member.uid or member.gid or member.uname or member.gname:
                yield f"{member.name} carries a time or a user, so equal content gives other bytes"
            if before.partition(".")[0] == member.name.partition(".")[0] and member.name <= before:
                yield f"{member.name} comes after {before}; members of a sample must be sorted"
            before = member.name


def _sample(raw: dict[str, Any], fields: tuple[str, ...], sentences: _Sentences) -> SampleReading:
    key = raw["__key__"]
    problems = sentences.of(unbroken(f"sample {key}", _sample_problems(raw, fields)))
    try:
        stored = decode_json(raw)
    except ShardError:
        return SampleReading(key, problems)  # sample_problems has said so
    types = signature(stored)
    is_counted = all(types.get(name) == META_TYPES[name] for name in COUNTED_META)
    return SampleReading(key, problems, types, SampleMeta.of(stored) if is_counted else None)


def _sample_problems(raw: dict[str, Any], fields: tuple[str, ...]) -> Iterator[str]:
    key, members = raw["__key__"], sorted(name for name in raw if not name.startswith("__"))
    if members != sorted(fields):
        yield f"{key} has the members {', '.join(members)}, the manifest says {', '.join(sorted(fields))}"
    yield from unbroken(key, sample_problems(raw))
