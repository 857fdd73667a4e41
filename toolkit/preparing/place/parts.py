"""A source that is cut in time is read once for each part; its row of the ledger is one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from speechlip.shards.ledger import SPLITS, LedgerRow
from speechlip.workers.unexpected import may_pass

ADDED = (
    *("clips", "seconds", "seconds_kept", "clip_seconds", "interpolated_seconds"),
    *("several_faces_seconds", "no_speech_seconds"),
)
JOINED = ("sync", "clip_frames", "face_widths_px", "speech_shares")


def was_lost(stage: str, reason: str) -> bool:
    """Whether a source ended its worker, was over a limit, or met what another run may not."""
    return stage == "worker" or may_pass(reason)


def added_up(parts: Sequence[LedgerRow], units: Sequence[str] = ()) -> LedgerRow:
    """The row of a source from those of its parts, in the order of time.

    units: the unit of each part; written down where one split has several, so that a missing shard can be
        made again.

    Its reason is that of a part that broke off, or of the first where none gave a clip. A part counts the
    damage that is met while its own frames are read. faces_median is the longest part's.
    """
    kept = any(part.clips for part in parts)
    broken = [part for part in parts if part.reason and (part.clips or part.stage != "clips" or not kept)]
    why = broken[0] if broken else replace(parts[0], stage="", reason="", detail="")
    dropped, damage = Counter[str](), Counter[str]()
    split_clips, unit_clips = Counter[str](), Counter[str]()
    for part in parts:
        dropped.update(part.dropped)  # type: ignore[arg-type]  # seconds
        damage.update(part.damage)
        split_clips[part.split] += part.clips
    by_unit = list(zip(units, parts, strict=True)) if units and len(split_clips) < len(parts) else []
    for unit, part in by_unit:
        unit_clips[unit] += part.clips
    sums = {name: round(sum(getattr(part, name) for part in parts), 2) for name in ADDED}
    lists = {name: tuple(chain.from_iterable(getattr(part, name) for part in parts)) for name in JOINED}
    return replace(
        max(parts, key=lambda part: part.seconds),
        split=SPLITS.join(split_clips),
        split_clips=dict(split_clips) if len(split_clips) > 1 else {},
        unit_clips=dict(unit_clips),
        lost_in=tuple(dict.fromkeys(unit for unit, part in by_unit if was_lost(part.stage, part.reason))),
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
