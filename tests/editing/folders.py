"""Small folders of noise to cut and join, and what a test compares of them; tars read by tarfile alone."""

import hashlib
import json
import tarfile
from dataclasses import replace

import numpy as np
from click.testing import CliRunner

from speechlip import Clip, ShardOptions, ShardWriter, Source
from speechlip.commands.cli import speechlip
from speechlip.records import ClipQuality

SPEAKERS = {"ann": "train", "ben": "train", "cy": "train", "di": "test", "eve": "test"}
STARTS = (0, 30, 80)


def write(folder, speakers=SPEAKERS, *, more=None, starts=STARTS, seed=0, quality=None, **options):
    """Three clips of each speaker, 20, 24 and 28 frames long. quality: fields of ``ClipQuality``."""
    chosen = {"detector": "mine", "shard_bytes": 400_000, **options}
    with ShardWriter(folder, ShardOptions(**chosen)) as writer:
        for speaker, split in speakers.items():
            name = f"{speaker}.mp4"
            source = Source(name, name, speaker, split=split, licence="CC0-1.0", more=dict(more or {}))
            for number, start in enumerate(starts):
                clip = clip_of(source, start, 20 + 4 * number, seed)
                clip = replace(clip, quality=ClipQuality(**quality or {}))
                writer.write(clip, source_sha256=sha256(name, seed))
    return folder


def clip_of(source, start, n_frames, seed):
    rng = np.random.default_rng([seed, start, *source.name.encode()])
    lips = rng.integers(0, 256, (n_frames, 96, 96, 3), np.uint8)
    audio = rng.integers(-9000, 9000, 640 * n_frames, np.int16)
    faces = 2 if start == STARTS[-1] else 1
    said = {"speech": np.ones(len(lips), bool)}  # the audio is noise
    return Clip(
        source, 0, start, lips, audio, None, None, 0.5, 80.0 + start, start // 10, 0, faces, 1.0, **said
    )


def sha256(name, seed=0):
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()


def members(folder):
    """Every member of every sample by its name: (header, bytes)."""
    found = {}
    for shard in sorted((folder / "data").glob("*.tar")):
        data = shard.read_bytes()
        with tarfile.open(shard) as tar:
            for info in tar:
                header = data[info.offset : info.offset_data]
                assert info.name not in found
                found[info.name] = (header, tar.extractfile(info).read())
    return found


def digests(folder):
    """Path → SHA-256 of every file, hidden ones too."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def ledger(folder):
    return {row["source"]: row for row in map(json.loads, (folder / "ledger.jsonl").open(encoding="utf-8"))}


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def splits_of(folder):
    """Speaker → splits of their clips."""
    found = {}
    for shard in sorted((folder / "data").glob("*.tar")):
        with tarfile.open(shard) as tar:
            for info in tar:
                if info.name.endswith(".json") and info.name.count(".") == 1:
                    speaker = json.load(tar.extractfile(info))["speaker"]
                    found.setdefault(speaker, set()).add(shard.name.partition("-")[0])
    return found


def run(*arguments):
    return CliRunner().invoke(speechlip, ["edit", *map(str, arguments)], catch_exceptions=False)
