"""How fast `speechlip edit` copies, beside a plain copy and beside reading with SHA-256 of the same bytes.

    python benchmarks/edit_speed.py [--mb 600] [--turns 3]

Makes two folders of samples whose media are noise, and edits them turn by turn; medians. An edit reads each
shard once for its hash and once to copy, hashes what it writes, and makes ledger, pairs, card, tables and
manifest anew. MB/s are of what an edit writes.
"""

import argparse
import hashlib
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from speechlip import annotate_clips, deal_splits, merge_shards, select_clips
from speechlip.editing.copying import blocks
from speechlip.files.stamps import sha256_of
from speechlip.manifest import About
from speechlip.preparing.cut.unit import UnitResult
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.place.finish import FolderFacts, finish
from speechlip.preparing.place.placing import done_unit, tar_path
from speechlip.preparing.plan.units import Unit
from speechlip.shards.ledger import LedgerRow, line_of
from speechlip.shards.pairs.rules import pair_clip
from speechlip.shards.sample_meta import SampleMeta
from speechlip.shards.writer import encode_json, write_shard

FRAMES, CLIP_BYTES, CLIPS_A_SHARD = 80, 520_000, 60
MEMBERS = {"audio.flac": 0.12, "lips.jpg": 0.48, "stft.npy": 0.40}
"""Member → its share of a sample's bytes (benchmarks/member_sizes.py)."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mb", type=int, default=600, help="of both folders together")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folders = [folder_of_noise(root / each, given.mb / 2, each) for each in ("one", "two")]
        table = root / "moods.csv"
        table.write_text("speaker,mood\none-0,calm\n", encoding="utf-8")
        works: dict[str, Callable[[Path], object]] = {
            "copy, fsync": lambda out: copied(folders, out),
            "read, SHA-256": lambda out: hashed(folders),
            "select, all but a few clips": lambda out: select_clips(folders[0], out, "start_s != 0.04"),
            "split": lambda out: deal_splits(folders[0], out, seed=1),
            "merge": lambda out: merge_shards(folders, out),
            "annotate": lambda out: annotate_clips(folders[0], out, table),
        }
        taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in works}
        for _ in range(given.turns):
            for what, work in works.items():
                taken[what].append(timed(work, root / "out", folders))
    print("| what | MB | CPU s | MB per CPU second | wall s |\n|---|---|---|---|---|")
    for what, turns in taken.items():
        mb, cpu_s, wall_s = (statistics.median(column) for column in zip(*turns, strict=True))
        print(f"| {what} | {mb:.0f} | {cpu_s:.2f} | {mb / cpu_s:.0f} | {wall_s:.2f} |")


def timed(work: Callable[[Path], object], out: Path, folders: list[Path]) -> tuple[float, float, float]:
    """MB written (of reading: read), CPU seconds, wall seconds."""
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    work(out)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    n_bytes = sum(path.stat().st_size for path in out.rglob("*.tar")) if out.exists() else 0
    shutil.rmtree(out, ignore_errors=True)
    return (n_bytes or total_bytes(folders)) / 1e6, cpu_s, wall_s


def total_bytes(folders: list[Path]) -> int:
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*.tar"))


def copied(folders: list[Path], out: Path) -> None:
    """Every shard copied block by block and fsynced, as `cp` and `sync` do."""
    import os

    for folder in folders:
        (out / folder.name).mkdir(parents=True)
        for path in folder.rglob("*.tar"):
            with (out / folder.name / path.name).open("wb") as file:
                for block in blocks(path):
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())


def hashed(folders: list[Path]) -> None:
    for folder in folders:
        for path in folder.rglob("*.tar"):
            sha256_of(path)


def folder_of_noise(folder: Path, mb: float, name: str) -> Path:
    """A finished folder whose samples have a true ``json`` and noise for media."""
    noise = np.random.default_rng(0).integers(0, 256, CLIP_BYTES, np.uint8).tobytes()
    work = folder / ".work"
    work.mkdir(parents=True)
    n_shards = max(2, round(mb * 1e6 / CLIP_BYTES / CLIPS_A_SHARD))
    results, rows = {}, []
    for index in range(n_shards):
        unit = Unit("train" if index else "test", max(0, index - 1), ())
        metas = [meta_of(name, index, number) for number in range(CLIPS_A_SHARD)]
        samples = [(str(meta.key), sample_of(meta, noise)) for meta in metas]
        path = tar_path(work, unit)
        fields = write_shard(path, samples)
        clips = tuple(pair_clip(str(meta.key), meta) for meta in metas)
        result = UnitResult(sha256_of(path), path.stat().st_size, fields, clips, ())
        results[unit] = done_unit(unit, result)
        rows.append(row_of(metas, unit.split))
    options = replace(PrepOptions(detector="cascade"), detector="cascade").as_dict()
    finish(folder, results, map(line_of, rows), FolderFacts(About(title="Noise", licence="CC0-1.0"), options))
    return folder


def meta_of(name: str, shard: int, number: int) -> SampleMeta:
    source = f"{name}-{shard}.mp4"
    return SampleMeta(
        n_frames=FRAMES,
        speaker=f"{name}-{shard}",
        source_sha256=hashlib.sha256(source.encode()).hexdigest(),
        start_s=(FRAMES * number + (number == 0)) / 25,
        key=f"{name}-{shard}-{number:06d}",
        source=source,
        licence="CC0-1.0",
        transcript="",
        corrected=(),
        track=0,
        fps=25,
        detector="cascade",
        crop="lips",
        face_score=0.9,
        face_width_px=120.0,
        interpolated_frames=0,
        faces_max=1,
        faces_median=1.0,
    )


def sample_of(meta: SampleMeta, noise: bytes) -> dict[str, bytes]:
    media = {name: noise[: int(share * CLIP_BYTES)] for name, share in MEMBERS.items()}
    return media | {"json": encode_json(meta.dump())}


def row_of(metas: list[SampleMeta], split: str) -> LedgerRow:
    length_s = round(sum(meta.n_frames for meta in metas) / 25, 2)
    return LedgerRow(
        source=str(metas[0].source),
        speaker=metas[0].speaker,
        split=split,
        status="kept",
        clips=len(metas),
        seconds=length_s,
        seconds_kept=length_s,
        clip_seconds=length_s,
        interpolated_seconds=0.0,
        dropped={},
        stage="",
        reason="",
        detail="",
        sha256=metas[0].source_sha256,
        bytes=1,
        corrected=(),
        damage={},
        clip_frames=tuple(meta.n_frames for meta in metas),
        face_widths_px=tuple(meta.face_width_px or 0 for meta in metas),
        licence="CC0-1.0",
    )


if __name__ == "__main__":
    main()
