"""Rows of the ledger after an edit: what a source still gives, and why the rest is gone."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from speechlip.editing.sample import Sample
from speechlip.shards.ledger import SPLITS, LedgerRow
from speechlip.timing import seconds

STAGE = "edit"
"""The stage of a source that gives no clip any more."""


def by_source(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Source → its samples, in their order."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.source, []).append(sample)
    return found


def rows_of_kept(
    rows: Iterable[LedgerRow], samples: Iterable[Sample], kept: Collection[str], reason: str
) -> Iterator[LedgerRow]:
    """The rows of a folder of which only some clips are kept; the seconds of the others stand under
    ``reason``.

    kept: keys of the clips.
    """
    own = by_source(samples)
    for row in rows:
        before = own.get(row.source, [])
        yield row_of_kept(row, before, [sample for sample in before if sample.key in kept], reason)


def row_of_kept(row: LedgerRow, before: Sequence[Sample], after: Sequence[Sample], reason: str) -> LedgerRow:
    """The row of a source of which only some clips are kept.

    ``seconds = seconds_kept + Σ dropped`` holds on: what no kept clip covers any more moves to ``reason``.
    several_faces_seconds is at most what is kept of clips with several faces: nobody noted the frames; and
    no_speech_seconds is at most that of the clips.
    """
    if len(before) == len(after):
        return row
    lost_s = covered_s(before) - covered_s(after) if after else row.seconds_kept
    dropped = Counter(row.dropped)
    dropped[reason] += round(lost_s, 2)  # type: ignore[assignment]  # seconds
    several_s = total_s(sample for sample in after if (sample.meta.faces_max or 1) > 1)
    wordless_s = sum(sample.meta.seconds * (1 - (sample.meta.speech_share or 0)) for sample in after)
    gone = {} if after else {"status": "skipped", "stage": STAGE, "reason": reason, "detail": ""}
    return replace(
        row,
        seconds_kept=round(row.seconds_kept - lost_s, 2),
        dropped={name: round(lost, 2) for name, lost in sorted(dropped.items())},
        several_faces_seconds=min(row.several_faces_seconds, several_s),
        no_speech_seconds=min(row.no_speech_seconds, round(wordless_s, 2)),
        split_clips=recounted(row.split_clips, after),
        **clip_facts(after) | gone,
    )


def clip_facts(samples: Sequence[Sample]) -> dict:
    """What a row says of its clips."""
    widths = (sample.meta.face_width_px for sample in samples)
    shares = (sample.meta.speech_share for sample in samples)
    interpolated = sum(sample.meta.interpolated_frames or 0 for sample in samples)
    return {
        "clips": len(samples),
        "clip_frames": tuple(sample.meta.n_frames for sample in samples),
        "clip_seconds": total_s(samples),
        "interpolated_seconds": round(seconds(interpolated), 2),
        "face_widths_px": tuple(width for width in widths if width is not None),
        "speech_shares": tuple(share for share in shares if share is not None),
    }


def recounted(split_clips: Mapping[str, int], samples: Iterable[Sample]) -> dict[str, int]:
    """Clips by split of a source that was cut in time."""
    count = Counter(sample.split for sample in samples)
    return {split: count[split] for split in split_clips}


def total_s(samples: Iterable[Sample]) -> float:
    return round(seconds(sum(sample.meta.n_frames for sample in samples)), 2)


def covered_s(samples: Iterable[Sample]) -> float:
    """Seconds of the source inside at least one clip.

    Where clips of two faces overlap, their time counts once.
    """
    covered, reached = 0, 0
    clips = [sample.pair_clip for sample in samples]
    for first, stop in sorted((clip.start_frame, clip.start_frame + clip.n_frames) for clip in clips):
        covered += max(0, stop - max(first, reached))
        reached = max(reached, stop)
    return seconds(covered)


def rows_of_splits(
    rows: Iterable[LedgerRow], samples: Iterable[Sample], split_of: Mapping[str, str], order: Sequence[str]
) -> Iterator[LedgerRow]:
    """The rows after clips moved to other splits.

    split_of: key → its split now. order: of the splits.
    """
    own = by_source(samples)
    return (row_of_splits(row, own.get(row.source, []), split_of, order) for row in rows)


def row_of_splits(
    row: LedgerRow, samples: Sequence[Sample], split_of: Mapping[str, str], order: Sequence[str]
) -> LedgerRow:
    """The row of a source whose clips may lie in other splits now; clips in the order of the splits."""
    if not samples:
        return row
    count = Counter(split_of[sample.key] for sample in samples)
    splits = [split for split in order if count[split]]
    ordered = sorted(samples, key=lambda sample: splits.index(split_of[sample.key]))
    return replace(
        row,
        split=SPLITS.join(splits),
        split_clips={split: count[split] for split in splits} if len(splits) > 1 else {},
        **clip_facts(ordered),
    )
