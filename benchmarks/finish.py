"""What a preparation does after its last unit: shards in place, pairs, ledger, manifest, card.

    python benchmarks/finish.py [--clips 10000]

Results of synthetic clips, four clips a video and ten videos a speaker, are finished at half, all and twice
the number: the time of 10 000 clips is the same at each where nothing grows faster than the clips do. Samples
have members of 20 kB, of which a finish reads headers and the json.
"""

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

from speechlip import recipes
from speechlip.cards.dataset import write_card
from speechlip.files.strict_json import encode_json
from speechlip.format import WORK_FOLDER
from speechlip.preparing.cut.unit import UnitResult
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.place.finish import FolderFacts, finish
from speechlip.preparing.place.placing import done_unit, tar_path
from speechlip.preparing.plan.units import Unit
from speechlip.preparing.prepare import declarations
from speechlip.shards.ledger import LedgerRow, line_of
from speechlip.shards.pairs.rules import PairClip
from speechlip.shards.sample_meta import SampleMeta
from speechlip.shards.writer import write_shard

CLIPS_OF_A_VIDEO, VIDEOS_OF_A_SPEAKER, CLIPS_OF_A_SHARD = 4, 10, 200
FRAMES = 100
MEMBERS = ("audio.flac", "json", "landmarks.npy", "lips.jpg", "stft.npy")
MEMBER_BYTES = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=10_000)
    clips = parser.parse_args().clips
    with tempfile.TemporaryDirectory() as folder:
        finished(Path(folder) / "imports", CLIPS_OF_A_SHARD)
        for count in (clips // 2, clips, clips * 2):
            cpu_s, wall_s, card_s = finished(Path(folder) / str(count), count)
            per = 10_000 / count
            print(
                f"{count} clips: {cpu_s:.2f} CPU-s, of which the card {card_s:.2f}, {wall_s:.2f} s; "
                f"{cpu_s * per:.2f} CPU-s per 10 000 clips",
                flush=True,
            )


def finished(out: Path, n_clips: int) -> tuple[float, float, float]:
    """CPU and wall seconds of ``finish``, and CPU seconds of the card in it."""
    card_s = 0.0

    def timed_card(*given) -> None:
        nonlocal card_s
        began_s = time.process_time()
        write_card(*given)
        card_s = time.process_time() - began_s

    rows = [row(number) for number in range(n_clips // CLIPS_OF_A_VIDEO)]
    (out / WORK_FOLDER).mkdir(parents=True)
    results = {}
    for index in range(n_clips // CLIPS_OF_A_SHARD):
        unit = Unit(("train", "train", "train", "validation", "test")[index % 5], index // 5, ())
        numbers = range(index * CLIPS_OF_A_SHARD, (index + 1) * CLIPS_OF_A_SHARD)
        clips = tuple(map(clip, numbers))
        tar = tar_path(out / WORK_FOLDER, unit)
        write_shard(tar, ((each.key, sample(each)) for each in clips))
        results[unit] = done_unit(unit, UnitResult(digest(unit), tar.stat().st_size, MEMBERS, clips, ()))
    facts = FolderFacts(declarations(recipes.get("folder")), PrepOptions(detector="cascade").as_dict())
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    finish(out, results, map(line_of, rows), facts, timed_card)
    return time.process_time() - cpu_s, time.perf_counter() - wall_s, card_s


def clip(number: int) -> PairClip:
    video, place = divmod(number, CLIPS_OF_A_VIDEO)
    speaker = f"speaker-{video // VIDEOS_OF_A_SPEAKER:05d}"
    return PairClip(f"{digest(number)[:12]}", speaker, digest(video), place * FRAMES, FRAMES)


def sample(of: PairClip) -> dict[str, bytes]:
    """The members of a sample, of which only the ``json`` is one."""
    meta = SampleMeta(
        n_frames=of.n_frames,
        speaker=of.speaker,
        source_sha256=of.recording,
        start_s=of.start_frame / 25,
        key=of.key,
        source=f"{of.speaker}/{of.recording[:8]}.mp4",
        licence="unknown",
        corrected=("frame rate 30 → 25",),
        track=0,
        fps=25,
    )
    return {name: bytes(MEMBER_BYTES) for name in MEMBERS} | {"json": encode_json(meta.dump())}


def row(video: int) -> LedgerRow:
    length_s = CLIPS_OF_A_VIDEO * FRAMES / 25
    return LedgerRow(
        source=f"speaker-{video // VIDEOS_OF_A_SPEAKER:05d}/{video:06d}.mp4",
        speaker=f"speaker-{video // VIDEOS_OF_A_SPEAKER:05d}",
        split="train",
        status="kept",
        clips=CLIPS_OF_A_VIDEO,
        seconds=length_s,
        seconds_kept=length_s,
        clip_seconds=length_s,
        interpolated_seconds=0.0,
        dropped={},
        stage="",
        reason="",
        detail="",
        sha256=digest(video),
        bytes=1_000_000,
        corrected=("frame rate 30 → 25",),
        damage={},
        clip_frames=(FRAMES,) * CLIPS_OF_A_VIDEO,
        face_widths_px=tuple(100.0 + (video * 7 + place) % 200 for place in range(CLIPS_OF_A_VIDEO)),
        declared={"split": "", "transcript": "", "phones": "", "more": ""},
    )


def digest(of: object) -> str:
    return hashlib.sha256(repr(of).encode()).hexdigest()


if __name__ == "__main__":
    main()
