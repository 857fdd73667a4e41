"""Whether ``clips.parquet`` is the one of the manifest, and says what the samples say."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from speechlip.errors import ShardError
from speechlip.files.stamps import sha256_of
from speechlip.format import CLIPS
from speechlip.manifest import Manifest, ShardRow
from speechlip.shards.checks.contents import Contents
from speechlip.shards.clips.columns import all_columns
from speechlip.shards.clips.table import Row, row_differences, table_in

if TYPE_CHECKING:
    from pyarrow import Table


NO_ROWS = np.zeros(0, np.int64)


def check_clips_file(folder: Path, manifest: Manifest, contents: Contents) -> Iterator[str]:
    """Its hash and its shape; what can be read of it is kept for ``check_rows``."""
    path = folder / CLIPS
    if manifest.clips is None:
        if path.exists():
            yield f"{CLIPS} is not in the manifest; delete it, or `speechlip clips FOLDER --make` lists it"
        return
    try:
        contents.listed = table_in(path, manifest)
    except ShardError as error:
        yield str(error)
        return
    contents.rows_of = rows_by_shard(contents.listed)
    if (sha256 := sha256_of(path)) != manifest.clips.sha256:
        yield f"{CLIPS} has SHA-256 {sha256}, the manifest says {manifest.clips.sha256}"


def rows_by_shard(listed: "Table") -> dict[str, np.ndarray]:
    """Shard → numbers of its rows, in order."""
    coded = listed["shard"].combine_chunks().dictionary_encode()
    codes = np.asarray(coded.indices)
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(len(coded.dictionary) + 1))
    names = coded.dictionary.to_pylist()
    return {name: order[first:stop] for name, first, stop in zip(names, edges, edges[1:], strict=False)}


def check_rows(shard: ShardRow, rows: Sequence[Row], manifest: Manifest, contents: Contents) -> Iterator[str]:
    """The rows of one shard beside those that its samples make."""
    if contents.listed is None:
        return
    own = contents.listed.take(contents.rows_of.get(shard.name, NO_ROWS))
    yield from (f"{CLIPS} {what}" for what in row_differences(own, rows, all_columns(manifest.columns)))
