"""Whether ``pairs/*.parquet`` are those of the manifest, balanced, and each row a pair of its kind."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from speechlip.errors import ShardError
from speechlip.files.stamps import sha256_of
from speechlip.format import PAIRS_FOLDER, pairs_file
from speechlip.manifest import Manifest
from speechlip.shards.checks.contents import Clips, Contents
from speechlip.shards.pairs.frozen import FrozenPair, read_pairs
from speechlip.shards.pairs.rules import KINDS, PairClip, PairRules, far_apart


def paired_keys(folder: Path, manifest: Manifest) -> set[str]:
    """The keys that frozen pairs name, as far as these can be read."""
    keys: set[str] = set()
    for split in manifest.pairs:
        try:
            rows = read_pairs(folder / pairs_file(split))
        except Exception:  # check_pairs says so
            continue
        keys.update(key for row in rows for key in (row.lips_key, row.audio_key))
    return keys


def check_pairs(folder: Path, manifest: Manifest, contents: Contents) -> Iterator[str]:
    """The files of the manifest and no others, unchanged, balanced, within clips of their split."""
    there = {path.stem for path in (folder / PAIRS_FOLDER).glob("*.parquet")}
    yield from (
        f"{pairs_file(split)} is not in the manifest" for split in sorted(there - manifest.pairs.keys())
    )
    for split, file in manifest.pairs.items():
        path = folder / pairs_file(split)
        try:
            rows = read_pairs(path)
        except ShardError as error:
            yield str(error)
            continue
        if (sha256 := sha256_of(path)) != file.sha256:
            yield f"{path} has SHA-256 {sha256}, the manifest says {file.sha256}"
        positives = sum(row.label for row in rows)
        if len(rows) != file.rows or 2 * positives != len(rows):
            wanted = f"wanted {file.rows}, half of them positive"
            yield f"{path} has {len(rows)} pairs, {positives} of them positive; {wanted}"
        yield from (
            f"{PAIRS_FOLDER}/{split}: {problem}"
            for problem in _row_problems(split, rows, contents, file.least_speech or 0)
        )


def _row_problems(
    split: str, rows: Sequence[FrozenPair], contents: Contents, least_speech: float
) -> Iterator[str]:
    clips = contents.clips[split]
    known = [row for row in rows if row.lips_key in clips and row.audio_key in clips]
    if len(known) < len(rows) and not contents.missing[split]:
        first = next(key for row in rows for key in (row.lips_key, row.audio_key) if key not in clips)
        unknown = f"{len(rows) - len(known)} of {len(rows)} pairs"
        yield f"{unknown} name a clip that the split does not have, such as {first!r}"
    for row in known:
        yield from (f"{row}: {problem}" for problem in pair_problems(row, clips, least_speech))


def pair_problems(row: FrozenPair, clips: Clips, least_speech: float = 0.0) -> Iterator[str]:
    """Sentences about one frozen pair of known clips.

    Windows out of range or with less speech than the manifest says, another kind than it says, a negative
    that shares a frame with its positive.
    """
    lips, speech = clips[row.lips_key], clips[row.audio_key]
    rules = PairRules(window=row.window, gap_frames=0, least_speech=least_speech)
    for clip, start in ((lips, row.lips_start_frame), (speech, row.audio_start_frame)):
        if not 0 <= start < rules.starts(clip.n_frames):
            yield f"a window that reaches beyond {clip.key}"
        elif start not in rules.open_starts(clip.n_frames, clip.spoken):
            yield f"a window of {clip.key} of which less than {least_speech:.0%} is speech"
    offset = row.audio_start_frame - row.lips_start_frame if lips == speech else None
    kind = _kind(lips, speech, offset)
    if row.kind != kind or row.label != (row.kind == KINDS[0]) or row.offset_frames != offset:
        yield f"kind, label or offset are not those of a {kind} pair"
    if row.label == 0 and not far_apart(lips, row.lips_start_frame, speech, row.audio_start_frame, rules):
        yield "a negative that shares frames with its positive"


def _kind(lips: PairClip, speech: PairClip, offset: int | None) -> str:
    if lips == speech:
        return "shift" if offset else "positive"
    return "clip" if lips.speaker == speech.speaker else "speaker"
