"""Findings of one clip → its rows: one per track, the row that stands for the clip last; every missing number with its reason."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from speechlip.metrics.declared import NotScored
from speechlip.metrics.sync.lse import SyncScore
from speechlip.scoring.clip.findings import Findings
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ModelRow, ScoreRow, TrackCurves
from speechlip.scoring.sync.models import ClipSync, SyncModel, TrackSync, of_clip, offset_ms
from speechlip.scoring.sync.verdict import DISAGREE, UNDECIDED, CorrectionRules, offset_verdict

MEAN = "mean"


def clip_rows(
    clip: str, options: ScoreOptions, model: SyncModel | None, found: Findings
) -> tuple[ScoreRow, ...]:
    """Rows of a clip: a single row where it has one track or none, else one per track and the one for the clip."""
    if len(found.tracks) < 2:
        own = found.tracks[0].score if found.tracks else None
        return (
            _clip_row(
                clip,
                "0" if found.tracks else "",
                options,
                model,
                found,
                _sync_values(own, model) if own else {},
            ),
        )
    tracks = tuple(
        _track_row(clip, str(number), options, model, found, track)
        for number, track in enumerate(found.tracks)
    )
    scored = any(track.score for track in found.tracks)
    return (
        *tracks,
        _clip_row(
            clip,
            MEAN,
            options,
            model,
            found,
            _clip_sync_values(of_clip(found.tracks), model) if scored else {},
        ),
    )


def failed_row(clip: str, options: ScoreOptions, model_name: str | None, problem: NotScored) -> ScoreRow:
    """The row of a clip of which nothing could be read."""
    reason = "; ".join(f"{family}: {problem.reason}" for family in options.metrics)
    row = ScoreRow(clip, "", "failed", reason, protocol=label(options, None), ffmpeg=options.ffmpeg_words)
    return ModelRow(**asdict(row), sync_model=model_name) if model_name else row


def label(options: ScoreOptions, model: SyncModel | None) -> str:
    """What stands in the column ``protocol``: the id, and whatever makes the numbers compare with less than the id promises.

    >>> label(ScoreOptions(("psnr",), region="mouth"), None)
    'direct, region mouth'
    """
    region = f", region {options.region}" if options.region != "full" else ""
    unknown = (
        f", unknown weights {model.sha256[:12]}" if model and model.is_lse and not model.official else ""
    )
    return options.protocol + region + unknown


def with_verdicts(
    rows: Sequence[ScoreRow], model_least: float | None, rules: CorrectionRules
) -> tuple[ScoreRow, ...]:
    """The rows of one clip with ``offset_verdict``; the row of a clip of several tracks says what they agree on."""
    judged = [replace(row, offset_verdict=_verdict(row, model_least, rules)) for row in rows]
    own = [row for row in judged if row.track != MEAN and row.offset_frames is not None]
    if judged[-1].track == MEAN and own:
        undecided = [row.offset_verdict for row in own if row.offset_verdict.startswith(UNDECIDED)]
        agreed = (
            undecided[0]
            if undecided
            else own[0].offset_verdict
            if len({row.offset_frames for row in own}) == 1
            else DISAGREE
        )
        judged[-1] = replace(judged[-1], offset_verdict=agreed)
    return tuple(judged)


def _verdict(row: ScoreRow, model_least: float | None, rules: CorrectionRules) -> str:
    confidence, low = (
        (row.sync_confidence, row.sync_ci_low) if isinstance(row, ModelRow) else (row.lse_c, row.lse_ci_low)
    )
    if row.offset_frames is None or confidence is None:
        return ""
    return offset_verdict(row.offset_frames, confidence, low, model_least, rules)


def curves_of(tracks: Sequence[TrackSync]) -> tuple[TrackCurves, ...]:
    """What a report draws, of the tracks that were scored."""
    return tuple(
        TrackCurves(
            track=str(number),
            start_frame=track.start_frame,
            frames=track.frames,
            curve=tuple(_rounded(track.score.curve)),
            curve_unpadded=tuple(_rounded(track.score.curve_unpadded)),
            confidence=tuple(_rounded(track.score.confidence)),
        )
        for number, track in enumerate(tracks)
        if track.score
    )


def _clip_row(
    clip: str,
    track: str,
    options: ScoreOptions,
    model: SyncModel | None,
    found: Findings,
    sync: dict[str, Any],
) -> ScoreRow:
    lmd = found.landmarks
    values = sync | {name: _known(value) for name, value in found.images.values.items()}
    if lmd is not None:
        values |= {"lmd": _known(lmd.lmd), "lmd_iod": _known(lmd.lmd_iod)}
        values["frames_compared"] = lmd.frames_compared
    values["pictures_compared"] = found.images.frames if found.images.values else None
    values["net_delay_ms"] = found.net_delay_ms
    missing = [family for family in options.metrics if family in found.problems]
    status = "scored" if not missing else "failed" if len(missing) == len(options.metrics) else "partial"
    reason = "; ".join(f"{family}: {found.problems[family].reason}" for family in missing)
    return _row(clip, track, status, reason, options, model, values)


def _track_row(
    clip: str,
    number: str,
    options: ScoreOptions,
    model: SyncModel | None,
    found: Findings,
    track: TrackSync,
) -> ScoreRow:
    delay = {"net_delay_ms": found.net_delay_ms}
    if track.score is None:
        reason = f"lse: {track.problem.reason if track.problem else 'not scored'}"
        return _row(clip, number, "failed", reason, options, model, delay)
    return _row(clip, number, "scored", "", options, model, _sync_values(track.score, model) | delay)


def _row(
    clip: str,
    track: str,
    status: str,
    reason: str,
    options: ScoreOptions,
    model: SyncModel | None,
    values: dict[str, Any],
) -> ScoreRow:
    kind: dict[str, Any] = {} if model is None or model.is_lse else {"sync_model": model.name}
    values = values | kind | {"protocol": label(options, model), "ffmpeg": options.ffmpeg_words}
    return (ModelRow if kind else ScoreRow)(clip, track, status, reason, **values)


def _sync_values(score: SyncScore, model: SyncModel | None) -> dict[str, Any]:
    return _clip_sync_values(
        ClipSync(
            score.lse_c,
            score.lse_d,
            score.lse_c_unpadded,
            score.lse_d_unpadded,
            score.ci_low,
            score.ci_high,
            score.offset_frames,
            score.windows,
        ),
        model,
    )


def _clip_sync_values(sync: ClipSync, model: SyncModel | None) -> dict[str, Any]:
    """Columns of a score: LSE's only where the model is SyncNet."""
    lse = model is None or model.is_lse
    names = ("lse_c", "lse_d", "lse_c_unpadded", "lse_d_unpadded", "lse_ci_low", "lse_ci_high") if lse else (
        "sync_confidence",
        "sync_distance",
        "sync_confidence_unpadded",
        "sync_distance_unpadded",
        "sync_ci_low",
        "sync_ci_high",
    )  # fmt: skip
    numbers = (
        sync.confidence,
        sync.distance,
        sync.confidence_unpadded,
        sync.distance_unpadded,
        sync.ci_low,
        sync.ci_high,
    )
    values: dict[str, Any] = {name: _known(number) for name, number in zip(names, numbers, strict=True)}
    return values | {
        "offset_frames": sync.offset_frames,
        "offset_ms": offset_ms(sync.offset_frames),
        "windows": sync.windows,
    }


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _rounded(values: Any) -> list[float | None]:
    return [round(float(value), 4) if math.isfinite(value) else None for value in values]
