"""Sync as a stage of preparation: every track is scored, and only those that keep the user's conditions
become clips.

The scores are those of ``score-sync --protocol direct``. The stage is handed to the preparation as a
function, so that shards need not know of scores.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from speechlip.errors import OptionError
from speechlip.media.frames import read_frames
from speechlip.media.info import MediaInfo
from speechlip.metrics.declared import NotScored
from speechlip.records import FaceTrack, Source, SyncVerdict
from speechlip.scoring import protocols
from speechlip.scoring.sync.footage import Footage, read_audio
from speechlip.scoring.sync.models import SyncModel, SyncNetModel, TrackSync, open_sync_model, score_tracks
from speechlip.scoring.sync.verdict import (
    EARLY,
    LATE,
    STATED,
    CorrectionRules,
    least_confidence_of,
    offset_verdict,
)

OUT_OF_SYNC, NOT_MEASURED = "out of sync", "sync not measured"
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
QUANTITIES = ("conf", "dist", "offset", "abs(offset)")


@dataclass(frozen=True)
class Condition:
    """One condition on a face track.

    quantity: ``conf`` (LSE-C), ``dist`` (LSE-D), ``offset`` or ``abs(offset)`` in frames.
    comparison: ``>=``, ``<=``, ``>`` or ``<``.
    limit: the number it is compared with.
    """

    quantity: str
    comparison: str
    limit: float

    def holds(self, confidence: float, distance: float, offset_frames: int) -> bool:
        values = {
            "conf": confidence,
            "dist": distance,
            "offset": offset_frames,
            "abs(offset)": abs(offset_frames),
        }
        return COMPARISONS[self.comparison](values[self.quantity], self.limit)


def parse_filter(text: str) -> tuple[Condition, ...]:
    """Read conditions such as ``conf>=3,abs(offset)<=6``; all must hold. Raises OptionError.

    >>> parse_filter("conf>=3, abs(offset)<=6")
    (Condition(quantity='conf', comparison='>=', limit=3.0),
     Condition(quantity='abs(offset)', comparison='<=', limit=6.0))
    """
    conditions = []
    for part in text.split(","):
        match = re.fullmatch(
            r"(conf|dist|offset|abs\(offset\))(>=|<=|>|<)(-?\d+(?:\.\d+)?)", part.replace(" ", "")
        )
        if not match:
            raise OptionError(
                f"cannot read the condition {part.strip()!r}; write it like conf>=3,abs(offset)<=6 "
                f"({', '.join(QUANTITIES)}; {' '.join(COMPARISONS)})"
            )
        conditions.append(Condition(match[1], match[2], float(match[3])))
    return tuple(conditions)


@dataclass(frozen=True)
class SyncFilter:
    """Decides which face tracks of a source are kept.

    It goes to worker processes, so it holds plain values only.

    conditions: all must hold.
    correct: whether the audio of kept tracks is moved by their offset, where it is decided.
    model: name of a sync model; empty: SyncNet.
    weights: another SyncNet file.
    allow_unknown: take ``weights`` that are not the official ones.
    rules: which offsets are decided.
    """

    conditions: tuple[Condition, ...]
    correct: bool = False
    model: str = ""
    weights: Path | None = None
    allow_unknown: bool = False
    rules: CorrectionRules = STATED

    def __call__(
        self, source: Source, info: MediaInfo, tracks: Sequence[FaceTrack], n_frames: int
    ) -> list[SyncVerdict]:
        footage = Footage(
            lambda: read_frames(source.path, info, audio=False),
            read_audio(source.path, info, info.video_start_s, n_frames),
        )
        long_enough = [
            track for track in tracks if footage.times_seen(track) >= protocols.get("direct").min_frames
        ]
        scored = score_tracks(open_model(self), footage, long_enough, lambda frames: None)
        sync_of = {id(track): sync for track, sync in zip(long_enough, scored, strict=True)}
        return [self._verdict(sync_of.get(id(track))) for track in tracks]

    def _verdict(self, sync: TrackSync | None) -> SyncVerdict:
        if sync is None or sync.score is None:
            problem = (
                sync.problem
                if sync and sync.problem
                else NotScored("too short", "a track must be seen in 50 frames to be scored")
            )
            return SyncVerdict(None, None, None, NOT_MEASURED, str(problem), 0)
        score = sync.score
        kept = all(
            condition.holds(score.lse_c, score.lse_d, score.offset_frames) for condition in self.conditions
        )
        verdict = offset_verdict(
            score.offset_frames, score.lse_c, score.ci_low, least_confidence_of(open_model(self)), self.rules
        )
        delay_frames = score.offset_frames if kept and self.correct and verdict in (EARLY, LATE) else 0
        refusal = "" if kept else OUT_OF_SYNC
        return SyncVerdict(
            round(score.lse_c, 4),
            round(score.lse_d, 4),
            score.offset_frames,
            refusal,
            "",
            delay_frames,
            verdict,
        )


@lru_cache(maxsize=1)
def open_model(chosen: SyncFilter) -> SyncModel:
    """The model of a filter, opened once per process. Raises ModelError, OptionError."""
    if chosen.model:
        return open_sync_model(chosen.model, "cpu")
    from speechlip import assets

    return SyncNetModel(chosen.weights or assets.path("syncnet_v2"), chosen.allow_unknown, "cpu")
