"""Clips of noise written by a ShardWriter, and what a test compares of the folder."""

import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from speechlip import Clip, ShardOptions, ShardWriter, Source
from speechlip.shards.writer import source_key


def members(folder):
    """Every member of every sample by its name, read with tarfile alone."""
    found = {}
    for shard in sorted((folder / "data").glob("*.tar")):
        with tarfile.open(shard) as tar:
            found |= {member.name: tar.extractfile(member).read() for member in tar}
    return found


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def made(name="a.mp4", speaker="anna", start=0, n_frames=30, seed=0, split=None, **changed):
    """A clip of noise of a source that has no file."""
    rng = np.random.default_rng([seed, start])
    source = Source(Path("/nowhere") / name, name, speaker, split=split, licence="CC0-1.0")
    lips = rng.integers(0, 256, (n_frames, 96, 96, 3), np.uint8)
    audio = rng.integers(-9000, 9000, 640 * n_frames, np.int16)
    clip = Clip(source, 0, start, lips, audio, None, None, 1.0, 80.0, 0)
    return replace(clip, **changed)


def write(out, clips, **options):
    with ShardWriter(out, ShardOptions(**options)) as writer:
        for clip in clips:
            writer.write(clip, source_sha256=source_key(clip.source.name, 64))
    return writer.prepared


def corpus():
    """Two speakers to train, two to test, two clips of each."""
    return [
        made(f"{who}.mp4", who, start, seed=seed, split=split)
        for seed, (who, split) in enumerate([("ann", None), ("ben", "train"), ("cy", "test"), ("di", "test")])
        for start in (0, 40)
    ]
