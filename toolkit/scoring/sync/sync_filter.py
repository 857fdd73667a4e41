"""Sync as a stage of preparation: every track is scored, and only those that keep the user's conditions
become clips.

The scores are those of ``score-sync --protocol direct``. The stage is handed to the preparation as a
function, so that shards need not know of scores.
"""

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from speechlip.errors import OptionError
from speechlip.files.names import plain_name
from speechlip.media.frames import read_frames
from speechlip.media.info import MediaInfo
from speechlip.metrics.declared import NotScored
from speechlip.metrics.sync.columns import MOUTH_MODELS
from speechlip.records import UNDECIDED, FaceTrack, Source, SyncVerdict
from speechlip.scoring import protocols
from speechlip.scoring.sync.footage import Footage, read_audio
from speechlip.scoring.sync.lessons import read_lessons
from speechlip.scoring.sync.means import SyncMeans, TrackSync, of_clip
from speechlip.scoring.sync.models import AnyModel, SyncNetModel, open_sync_model, score_tracks
from speechlip.scoring.sync.mouth_models import TaughtModel
from speechlip.scoring.sync.verdict import (
    EARLY,
    LATE,
    STATED,
    CorrectionRules,
    least_confidence_of,
    offset_verdict,
)

OUT_OF_SYNC, NOT_MEASURED, SYNC_UNDECIDED = "out of sync", "sync not measured", "sync undecided"
KEEP, DROP = UNDECIDED_TRACKS = ("keep", "drop")
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

    quantity: ``conf`` (LSE-C, or another model's), ``dist`` (LSE-D), ``offset`` or ``abs(offset)`` in frames.
    comparison: ``>=``, ``<=``, ``>`` or ``<``.
    limit: the number it is compared with.
    """

    quantity: str
    comparison: str
    limit: float

    def holds(self, confidence: float, distance: float | None, offset_frames: int) -> bool:
        values = {
            "conf": confidence,
            "dist": math.nan if distance is None else distance,
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
    lessons: of model ``self``: the file that ``write_lessons`` wrote once the set had taught.
    undecided: what becomes of a track whose offset is undecided or could not be measured: keep, or drop;
        empty: the conditions decide about the first, the others are dropped.

    Raises OptionError for a condition on what the model does not measure.
    """

    conditions: tuple[Condition, ...]
    correct: bool = False
    model: str = ""
    weights: Path | None = None
    allow_unknown: bool = False
    rules: CorrectionRules = STATED
    undecided: str = ""
    lessons: Path | None = None

    def __post_init__(self) -> None:
        if self.model in MOUTH_MODELS and any(each.quantity == "dist" for each in self.conditions):
            raise OptionError(
                f"--sync-model {self.model} measures no distance; "
                "write conditions on conf and offset, such as conf>=0.2,abs(offset)<=3"
            )

    def __call__(
        self, source: Source, info: MediaInfo, tracks: Sequence[FaceTrack], n_frames: int
    ) -> list[SyncVerdict]:
        first_frame = min((track.start_frame for track in tracks), default=0)
        footage = Footage(
            lambda: read_frames(source.path, info, audio=False, first_frame=first_frame),
            read_audio(source.path, info, info.video_start_s, n_frames),
        )
        long_enough = [
            track for track in tracks if footage.times_seen(track) >= protocols.get("direct").min_frames
        ]
        model = open_model(self)
        if self.lessons:
            model = TaughtModel(read_lessons(self.lessons), plain_name(source.speaker))
        scored = score_tracks(model, footage, long_enough, lambda frames: None)
        sync_of = {id(track): sync for track, sync in zip(long_enough, scored, strict=True)}
        return [self._verdict(sync_of.get(id(track))) for track in tracks]

    def _verdict(self, sync: TrackSync | None) -> SyncVerdict:
        if sync is None or sync.score is None:
            problem = (
                sync.problem
                if sync and sync.problem
                else NotScored("too short", "a track must be seen in 50 frames to be scored")
            )
            refusal = "" if self.undecided == KEEP else NOT_MEASURED
            return SyncVerdict(refusal=refusal, detail=str(problem), model=open_model(self).name)
        means = of_clip([sync])
        distance = means.distance if isinstance(means, SyncMeans) else None
        ci_low, p = (means.ci_low, None) if isinstance(means, SyncMeans) else (None, means.p)
        verdict = offset_verdict(
            means.offset_frames,
            means.confidence,
            ci_low,
            least_confidence_of(open_model(self)),
            self.rules,
            p,
        )
        refusal = self._refusal(verdict, means.confidence, distance, means.offset_frames)
        moves = self.correct and not refusal and verdict in (EARLY, LATE)
        return SyncVerdict(
            round(means.confidence, 4),
            None if distance is None else round(distance, 4),
            means.offset_frames,
            refusal,
            "",
            means.offset_frames if moves else 0,
            verdict,
            None if p is None else round(p, 4),
            open_model(self).name,
        )

    def _refusal(self, verdict: str, confidence: float, distance: float | None, offset_frames: int) -> str:
        if self.undecided and verdict.startswith(UNDECIDED):
            return "" if self.undecided == KEEP else SYNC_UNDECIDED
        kept = all(each.holds(confidence, distance, offset_frames) for each in self.conditions)
        return "" if kept else OUT_OF_SYNC


@lru_cache(maxsize=1)
def open_model(chosen: SyncFilter) -> AnyModel:
    """The model of a filter, opened once per process. Raises ModelError, OptionError."""
    if chosen.model:
        return open_sync_model(chosen.model, "cpu")
    from speechlip import assets

    return SyncNetModel(chosen.weights or assets.path("syncnet_v2"), chosen.allow_unknown, "cpu")
