"""A source that is cut in time is read once for each part; its row of the ledger is one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from speechlip.shards.ledger import SPLITS, LedgerRow

ADDED = (
    *("clips", "seconds", "seconds_kept", "clip_seconds", "interpolated_seconds"),
    *("several_faces_seconds", "no_speech_seconds"),
)
JOINED = ("sync", "clip_frames", "face_widths_px", "speech_shares")


def merged(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    """One row for every source, its parts added up in the order given, which is that of time."""
    parts: dict[str, list[LedgerRow]] = {}
    for row in rows:
        parts.setdefault(row.source, []).append(row)
    return [added_up(own) if len(own) > 1 else own[0] for own in parts.values()]


def added_up(parts: Sequence[LedgerRow]) -> LedgerRow:
    """The row of a source from those of its parts.

    Its reason is that of a part that broke off, or of the first where none gave a clip. Every part counts the
    damage from the file's beginning on, so the largest count is taken. faces_median is the longest part's.
    """
    kept = any(part.clips for part in parts)
    broken = [part for part in parts if part.reason and (part.clips or part.stage != "clips" or not kept)]
    why = broken[0] if broken else replace(parts[0], stage="", reason="", detail="")
    dropped, damage = Counter[str](), Counter[str]()
    for part in parts:
        dropped.update(part.dropped)  # type: ignore[arg-type]  # seconds
        damage |= Counter(part.damage)
    sums = {name: round(sum(getattr(part, name) for part in parts), 2) for name in ADDED}
    lists = {name: tuple(chain.from_iterable(getattr(part, name) for part in parts)) for name in JOINED}
    return replace(
        max(parts, key=lambda part: part.seconds),
        split=SPLITS.join(part.split for part in parts),
        split_clips={part.split: part.clips for part in parts},
        status="kept" if kept else "skipped",
        stage=why.stage,
        reason=why.reason,
        detail=why.detail,
        sha256=next((part.sha256 for part in parts if part.sha256), ""),
        dropped={reason: round(lost_s, 2) for reason, lost_s in sorted(dropped.items())},
        damage=dict(sorted(damage.items())),
        corrected=tuple(dict.fromkeys(text for part in parts for text in part.corrected)),
        faces_max=max(part.faces_max for part in parts),
        phones_reason=next((part.phones_reason for part in parts if part.phones_reason), ""),
        phones_detail=next((part.phones_detail for part in parts if part.phones_detail), ""),
        small_face_px=max(part.small_face_px for part in parts),
        **sums | lists,  # type: ignore[arg-type]
    )
