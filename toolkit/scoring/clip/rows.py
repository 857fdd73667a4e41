"""Results of a clip → its rows: one per face track, last the one that stands for the clip; missing numbers
with reasons.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from speechlip.metrics.declared import NotScored
from speechlip.metrics.sync.columns import FAMILY, columns_of, family_in_reasons
from speechlip.scoring.clip.results import ClipResults
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreRow
from speechlip.scoring.sync.means import MouthMeans, SyncMeans, TrackSync, of_clip
from speechlip.scoring.sync.models import AnyModel, name_of_other
from speechlip.scoring.sync.verdict import DISAGREE, UNDECIDED, CorrectionRules, offset_verdict

MEAN = "mean"


def clip_rows(
    results: ClipResults, options: ScoreOptions, model: AnyModel | None, problems: Mapping[str, NotScored]
) -> tuple[ScoreRow, ...]:
    """One row of a clip with one face track or none; else one per track, and last the one that stands for the
    clip.

    problems: family → why it has no value.
    """
    tracks, how = results.sync.tracks, RowKind(results.files.task.clip, options, model)
    scored = any(track.score for track in tracks)
    sync = how.sync_values(of_clip(tracks)) if scored else {}
    if len(tracks) < 2:
        return (_clip_row(how, "0" if tracks else "", results, problems, sync),)
    delay = {"net_delay_ms": results.sync.audio.net_delay_ms}
    return (
        *(_track_row(how, str(number), track, delay) for number, track in enumerate(tracks)),
        _clip_row(how, MEAN, results, problems, sync),
    )


def failed_row(clip: str, options: ScoreOptions, model_name: str | None, problem: NotScored) -> ScoreRow:
    """The row of a clip of which nothing could be read."""
    families = (family_in_reasons(family, model_name or "") for family in options.metrics)
    reason = "; ".join(f"{family}: {problem.reason}" for family in families)
    return ScoreRow(
        clip,
        "",
        "failed",
        reason,
        protocol=label(options, None),
        ffmpeg=options.ffmpeg_words,
        sync_model=model_name or "",
    )


def label(options: ScoreOptions, model: AnyModel | None) -> str:
    """The column ``protocol``: protocol id plus any deviation.

    >>> label(ScoreOptions(("psnr",), region="mouth"), None)
    'direct, region mouth'
    """
    region = f", region {options.region}" if options.region != "full" else ""
    unknown = (
        f", unknown weights {model.sha256[:12]}" if model and model.is_lse and not model.official else ""
    )
    precision = f", SyncNet in {options.precision}" if options.precision != "fp32" and model else ""
    return options.protocol + region + unknown + precision


def with_verdicts(
    rows: Sequence[ScoreRow], model_least: float | None, rules: CorrectionRules
) -> tuple[ScoreRow, ...]:
    """The rows of one clip with ``offset_verdict``; of several tracks the last row has what they agree on."""
    decided = [replace(row, offset_verdict=_verdict(row, model_least, rules)) for row in rows]
    tracks = [row for row in decided if row.track != MEAN and row.offset_frames is not None]
    if decided[-1].track == MEAN and tracks:
        decided[-1] = replace(decided[-1], offset_verdict=_agreed(tracks))
    return tuple(decided)


def _agreed(tracks: Sequence[ScoreRow]) -> str:
    """The verdict of all tracks; undecided where one of them is, or where they differ."""
    undecided = (row.offset_verdict for row in tracks if row.offset_verdict.startswith(UNDECIDED))
    same = len({row.offset_frames for row in tracks}) == 1
    return next(undecided, tracks[0].offset_verdict if same else DISAGREE)


def _verdict(row: ScoreRow, model_least: float | None, rules: CorrectionRules) -> str:
    confidence, low = (
        (row.sync_confidence, row.sync_ci_low) if row.sync_model else (row.lse_c, row.lse_ci_low)
    )
    if row.offset_frames is None or confidence is None:
        return ""
    return offset_verdict(row.offset_frames, confidence, low, model_least, rules, row.sync_p)


@dataclass(frozen=True)
class RowKind:
    """What all rows of a clip have in common.

    model: the sync model that scored, None where there is none.
    """

    clip: str
    options: ScoreOptions
    model: AnyModel | None

    def row(self, track: str, status: str, reason: str, values: dict[str, Any]) -> ScoreRow:
        own = {"clip": self.clip, "track": track, "status": status, "reason": reason}
        label_of_run = {"protocol": label(self.options, self.model), "ffmpeg": self.options.ffmpeg_words}
        other_model = {"sync_model": self.other_model} if self.other_model else {}
        return ScoreRow.of(own | values | label_of_run | other_model)

    @property
    def other_model(self) -> str:
        """Name of the sync model where it is another than SyncNet."""
        return name_of_other(self.model)

    def reasons(self, problems: Mapping[str, NotScored]) -> str:
        """The column ``reason``. problems: family → why it has no value."""
        return "; ".join(
            f"{family_in_reasons(family, self.other_model)}: {problem.reason}"
            for family, problem in problems.items()
        )

    def sync_values(self, sync: SyncMeans | MouthMeans) -> dict[str, Any]:
        """Columns of lip sync, of SyncNet or of another model."""
        columns = columns_of(self.other_model)
        return {column.name: _known(column.compute(sync)) for column in columns}


def _clip_row(
    how: RowKind,
    track: str,
    results: ClipResults,
    problems: Mapping[str, NotScored],
    sync: dict[str, Any],
) -> ScoreRow:
    images, landmarks = results.images, results.landmarks.result
    values = sync | {family: _known(value) for family, value in images.values.items()}
    if landmarks is not None:
        values |= {column: _known(value) for column, value in landmarks.values.items()}
        values["frames_compared"] = landmarks.frames_compared
    values["pictures_compared"] = images.frames if images.values else None
    values["net_delay_ms"] = results.sync.audio.net_delay_ms
    status = status_of(len(problems), len(how.options.metrics))
    reason = how.reasons(problems)
    return how.row(track, status, reason, values)


def _track_row(how: RowKind, number: str, track: TrackSync, delay: dict[str, Any]) -> ScoreRow:
    if track.score is None:
        reasons = how.reasons({FAMILY: track.problem or NotScored("not scored")})
        return how.row(number, "failed", reasons, delay)
    return how.row(number, "scored", "", how.sync_values(of_clip([track])) | delay)


def status_of(missing: int, asked: int) -> str:
    """Of the row that stands for a clip. missing, asked: families of metrics.

    >>> [status_of(missing, 2) for missing in range(3)]
    ['scored', 'partial', 'failed']
    """
    return "scored" if not missing else "failed" if missing == asked else "partial"


def _known(value: float) -> float | None:
    """None for NaN; whole numbers stay whole."""
    if isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None
