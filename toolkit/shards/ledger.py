"""The ledger says what became of every source; the funnel adds it up."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class LedgerRow:
    """One row of ``ledger.jsonl``: seconds = seconds_kept + the sum of ``dropped``.

    status: ``kept`` or ``skipped``. seconds_kept: source time inside at least one clip; clip_seconds: all clips together (more, where two
    faces are kept at once); interpolated_seconds: how much of them the face was not seen and its place interpolated. dropped: seconds by
    reason. stage, reason, detail: why a skipped source gave nothing, or why a kept one broke off; else empty. corrected: what was done to
    bring the source to 25 fps and 16 kHz. damage: what reading it met, by kind. sync: a
    ``SyncVerdict`` per track, where sync was a stage.
    """

    source: str
    speaker: str
    split: str
    status: str
    clips: int
    seconds: float
    seconds_kept: float
    clip_seconds: float
    interpolated_seconds: float
    dropped: dict[str, float]
    stage: str
    reason: str
    detail: str
    sha256: str
    bytes: int
    corrected: tuple[str, ...]
    damage: dict[str, int]
    sync: tuple[dict, ...] = ()


def funnel(rows: Iterable[LedgerRow]) -> dict:
    """Add up the ledger: sources and seconds that came, what was lost by reason, what was kept."""
    rows = list(rows)
    dropped: Counter[str] = Counter()
    for row in rows:
        dropped.update(row.dropped)
    skipped = Counter(f"{row.stage}: {row.reason}" for row in rows if row.status == "skipped")
    return {
        "sources": len(rows),
        "sources_kept": sum(row.status == "kept" for row in rows),
        "sources_skipped": sum(row.status == "skipped" for row in rows),
        "seconds": round(sum(row.seconds for row in rows), 2),
        "seconds_kept": round(sum(row.seconds_kept for row in rows), 2),
        "clips": sum(row.clips for row in rows),
        "clip_seconds": round(sum(row.clip_seconds for row in rows), 2),
        "interpolated_seconds": round(sum(row.interpolated_seconds for row in rows), 2),
        "dropped": {reason: round(lost_s, 2) for reason, lost_s in sorted(dropped.items())},
        "skipped": dict(sorted(skipped.items())),
    }


def format_funnel(totals: dict) -> str:
    """The funnel as lines of text, widest first: what came in, what fell out and why, what is left."""
    lines = [f"  {'sources':<34}{totals['sources']:>7}   {clock(totals['seconds']):>9}"]
    for reason, lost_s in sorted(totals["dropped"].items(), key=lambda item: -item[1]):
        lines.append(f"  − {reason:<32}{'':>7}   {clock(lost_s):>9}")
    for reason, count in totals["skipped"].items():
        lines.append(f"  − skipped, {reason:<23}{count:>7}")
    lines.append(f"  = kept{'':<28}{totals['sources_kept']:>7}   {clock(totals['seconds_kept']):>9}   in {totals['clips']} clips")
    if totals["interpolated_seconds"]:
        lines.append(f"    of which the face interpolated{'':<12}   {clock(totals['interpolated_seconds']):>9}")
    return "\n".join(lines)


def clock(length_s: float) -> str:
    """Hours, minutes and seconds.

    >>> clock(3723.5), clock(9.04)
    ('1:02:03.5', '0:09.0')
    """
    minutes, rest_s = divmod(round(length_s, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest_s:04.1f}" if hours else f"{minutes}:{rest_s:04.1f}"
