"""Whether ``clips.parquet`` is the one of the manifest, and says what the samples say."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from speechlip.errors import ShardError
from speechlip.files.stamps import sha256_of
from speechlip.format import CLIPS
from speechlip.manifest import Manifest, ShardRow
from speechlip.shards.checks.contents import Contents
from speechlip.shards.clips.columns import all_columns
from speechlip.shards.clips.scan import scan_shard
from speechlip.shards.clips.table import clip_row, row_differences, table_in


def check_clips_file(folder: Path, manifest: Manifest, contents: Contents) -> Iterator[str]:
    """Its hash and its shape; what can be read of it is kept for ``check_listed``."""
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
    for number, name in enumerate(contents.listed["shard"].to_pylist()):
        contents.rows_of[name].append(number)
    if (sha256 := sha256_of(path)) != manifest.clips.sha256:
        yield f"{CLIPS} has SHA-256 {sha256}, the manifest says {manifest.clips.sha256}"


def check_listed(path: Path, shard: ShardRow, manifest: Manifest, contents: Contents) -> Iterator[str]:
    """The rows of one shard, which lies at ``path``, beside its samples."""
    if contents.listed is None:
        return
    rows = [clip_row(shard, span, manifest.columns) for span in scan_shard(path)]
    own = contents.listed.take(np.array(contents.rows_of[shard.name], np.int64))
    yield from (f"{CLIPS} {what}" for what in row_differences(own, rows, all_columns(manifest.columns)))
