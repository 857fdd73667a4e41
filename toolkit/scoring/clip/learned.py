"""``--sync-model self``: every clip judged by what was learned on the other speakers of the set.

The first sub-folder names the speaker, else the file does.
"""

from collections.abc import Sequence
from dataclasses import replace

from speechlip.lipsync.learned import SpokenFace, judge_each
from speechlip.metrics.declared import NotScored
from speechlip.metrics.sync.columns import FAMILY, SYNC, columns_of
from speechlip.scoring.clip.detail import curves_of
from speechlip.scoring.clip.rows import MEAN, status_of
from speechlip.scoring.records import ClipScore, ScoreRow
from speechlip.scoring.sync.means import TrackSync, of_clip
from speechlip.scoring.sync.mouth_models import SELF, WAITING


def judged(results: Sequence[ClipScore], families: int) -> list[ClipScore]:
    """The clips with their lip sync, or with the reason why it cannot be learned.

    families: how many families of metrics were asked for.
    """
    waiting = [(clip, mouth) for clip in results if clip.spoken for mouth in clip.spoken.mouths]
    if not waiting:
        return [*results]
    faces = [
        SpokenFace(speaker_of(clip.row.clip), clip.spoken.heard, mouth.seen, mouth.start)
        for clip, mouth in waiting
        if clip.spoken
    ]
    try:
        syncs = judge_each(faces)
    except NotScored as problem:
        return [_unjudged(result, problem) for result in results]
    tracks: dict[str, dict[int, TrackSync]] = {}
    for (clip, mouth), sync in zip(waiting, syncs, strict=True):
        track = TrackSync(None, mouth.start, sync.frames, sync)
        tracks.setdefault(clip.row.clip, {})[mouth.track] = track
    return [_judged(result, tracks.get(result.row.clip, {}), families) for result in results]


def speaker_of(clip: str) -> str:
    """
    >>> speaker_of("anna/take1.mp4"), speaker_of("take1.mp4")
    ('anna', 'take1.mp4')
    """
    return clip.partition("/")[0]


def _judged(result: ClipScore, tracks: dict[int, TrackSync], families: int) -> ClipScore:
    if not tracks:
        return result
    missing = {family: reason for family, reason in result.missing.items() if family != FAMILY}
    rows = [
        replace(row, status="scored", reason="", values={**row.values, **_values([tracks[int(row.track)]])})
        for row in result.rows[:-1]
        if row.track != MEAN and int(row.track) in tracks
    ]
    others = [row for row in result.rows[:-1] if row.track == MEAN or int(row.track) not in tracks]
    last = replace(
        result.row,
        status=status_of(len(missing), families),
        reason="; ".join(f"{family}: {reason}" for family, reason in missing.items()),
        values={**result.row.values, **_values([*tracks.values()])},
    )
    in_order = sorted([*rows, *others], key=lambda row: int(row.track))
    every = [tracks.get(number, _NOTHING) for number in range(max(tracks) + 1)]
    detail = replace(result.detail, tracks=curves_of(every), notes=_without_waiting(result))
    return replace(result, rows=(*in_order, last), detail=detail, missing=missing, spoken=None)


def _values(tracks: Sequence[TrackSync]) -> dict[str, float]:
    means = of_clip(tracks)
    return {column.name: column.compute(means) for column in columns_of(SELF)}


def _unjudged(result: ClipScore, problem: NotScored) -> ClipScore:
    """A clip that waits no longer: the reason takes the place of the one that said so."""
    if not result.spoken:
        return result

    def told(row: ScoreRow) -> ScoreRow:
        return replace(row, reason=row.reason.replace(WAITING.reason, problem.reason))

    notes = (*_without_waiting(result), f"{SYNC}: {problem.detail}")
    return replace(
        result,
        rows=tuple(map(told, result.rows)),
        detail=replace(result.detail, notes=notes),
        missing=dict(result.missing) | {FAMILY: problem.reason},
        spoken=None,
    )


def _without_waiting(result: ClipScore) -> tuple[str, ...]:
    return tuple(note for note in result.detail.notes if note != f"{SYNC}: {WAITING.detail}")


_NOTHING = TrackSync(None, 0, 0, None)
