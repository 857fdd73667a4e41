"""Results of a clip → what a report shows of it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from speechlip.lipsync.correlation import MouthSync
from speechlip.metrics.declared import NotScored
from speechlip.metrics.sync.columns import family_in_reasons
from speechlip.metrics.sync.lse import SyncScore
from speechlip.scoring.clip.files import UNREADABLE
from speechlip.scoring.clip.results import ClipResults
from speechlip.scoring.records import ClipDetail, TrackCurves
from speechlip.scoring.sync.means import TrackSync


def clip_detail(results: ClipResults, problems: Mapping[str, NotScored], other_model: str = "") -> ClipDetail:
    """problems: family → why it has no value. other_model: name of the sync model, empty of SyncNet."""
    task, landmarks, strips = results.files.task, results.landmarks.result, results.images.strips
    render_strip, reference_strip = strips.encoded()
    why = [
        f"{family_in_reasons(family, other_model)}: {problem.detail}"
        for family, problem in problems.items()
        if problem.detail
    ]
    return ClipDetail(
        clip=task.clip,
        render=str(task.render),
        reference=str(task.reference) if task.reference else None,
        driving_audio=str(task.driving_audio) if task.driving_audio else None,
        frames=results.files.frames,
        sound=results.sync.audio.kind,
        codec_delay_ms=results.sync.audio.net_delay_ms,
        tracks=curves_of(results.sync.tracks),
        lmd_per_frame=tuple(_rounded(landmarks.lmd_per_frame, 3)) if landmarks else (),
        strip_frames=strips.frames,
        strip_render=render_strip,
        strip_reference=reference_strip,
        notes=tuple(dict.fromkeys([*results.notes, *why])),
        seconds=results.seconds,
        reference_unseen="" if reference_strip else _why_unseen(results, problems),
    )


def curves_of(tracks: Sequence[TrackSync]) -> tuple[TrackCurves, ...]:
    """What a report shows of the tracks that were scored."""
    return tuple(
        TrackCurves(str(number), track.start_frame, track.frames, *_curves(track.score))
        for number, track in enumerate(tracks)
        if track.score
    )


def _curves(score: SyncScore | MouthSync) -> tuple[tuple[float | None, ...], ...]:
    """Curve and unpadded curve by shift of the audio, −15 … 15 frames, and a number per frame."""
    if isinstance(score, MouthSync):
        return tuple(_rounded(score.curve[::-1], 4)), (), tuple(_rounded(score.per_frame, 4))
    curves = (score.curve, score.curve_unpadded, score.confidence)
    return tuple(tuple(_rounded(curve, 4)) for curve in curves)


def _why_unseen(results: ClipResults, problems: Mapping[str, NotScored]) -> str:
    """Why a report has no mouths of the reference: no face was found only where somebody looked for one."""
    if results.files.task.reference is None:
        return "none given"
    if (seen := results.faces.of_reference) is not None:
        return "no face at these moments" if seen.selected else "no face found"
    if any(problem.reason == UNREADABLE for problem in problems.values()):
        return UNREADABLE
    return f"not looked at: {problems['lmd'].reason if 'lmd' in problems else 'LMD was not asked for'}"


def _rounded(values: Any, digits: int) -> list[float | None]:
    return [round(float(value), digits) if math.isfinite(value) else None for value in values]
