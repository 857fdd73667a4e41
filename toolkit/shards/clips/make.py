"""``speechlip clips --make``: ``clips.parquet`` of a finished folder made anew and listed in its manifest."""

import json
from pathlib import Path

from speechlip.checks import check_path
from speechlip.errors import ShardError
from speechlip.files.locks import only_run
from speechlip.files.strict_json import as_json, strict_json
from speechlip.files.writing import write_text
from speechlip.format import MANIFEST
from speechlip.manifest import DIGEST, RowsFile, digest_of
from speechlip.shards.clips.table import clips_from_shards, write_clips
from speechlip.shards.read.shardset import read_manifest


def make_clips(folder: str | Path) -> RowsFile:
    """Write ``clips.parquet`` from the samples of a folder here, and list it in ``manifest.json``.

    A folder of an older release gets one; a file that was lost or altered is made again. No other byte
    changes, and the manifest only where the file is new to it.

    Raises ShardError for a folder that is not finished or whose manifest was altered, or where a shard cannot
    be read; OptionError where another run writes there.
    """
    folder = check_path("folder", folder)
    with only_run(folder):
        manifest = read_manifest(folder)
        if manifest.is_altered:
            raise ShardError(f"{folder / MANIFEST} was changed after it was written; run verify-shards")
        made = write_clips(folder, clips_from_shards(folder, manifest.shards, manifest.columns))
        if made != manifest.clips:
            raw = strict_json((folder / MANIFEST).read_text(encoding="utf-8")) | {"clips": as_json(made)}
            if DIGEST in raw:
                raw[DIGEST] = digest_of(raw)
            write_text(folder / MANIFEST, json.dumps(raw, indent=1, ensure_ascii=False) + "\n")
    return made
