"""Lip-sync of one clip: its face tracks → crops and sound → features → scores, one per track and one for the clip.

A sync model is anything that turns crops and sound into rows of features, one per 25-fps frame, that lie near each other where lips and speech fit:
SyncNet, whose scores are called LSE, or a speech-lip encoder of one's own, whose scores never are.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Protocol as Interface

import numpy as np

from speechlip.errors import OptionError
from speechlip.media.frames import Frame
from speechlip.metrics.declared import NotScored
from speechlip.metrics.sync.lse import SyncScore, sync_score
from speechlip.plugins import Registry
from speechlip.records import FaceTrack
from speechlip.remote.names import is_remote
from speechlip.scoring.sync.crops224 import CROP_PX, cut224, square
from speechlip.scoring.sync.footage import Footage
from speechlip.scoring.sync.verdict import LEAST_LSE_C
from speechlip.timing import FPS, SAMPLES_PER_FRAME

Cropper = Callable[[np.ndarray, int], np.ndarray]
SYNC_MODELS = Registry("sync model", "speechlip.sync_models")
MODEL_ATTRIBUTES = ("name", "sha256", "official", "is_lse", "window_frames", "cropper", "features")


class SyncModel(Interface):
    """What scores lip-sync. name: how outputs call it. sha256: of its weights. official: whether they are those that published numbers rest on.

    is_lse: whether its numbers are LSE-C and LSE-D. window_frames: how many frames one row of features looks at. It may also have
    ``least_confidence``: from which confidence on an offset is one (``verdict``).
    """

    name: str
    sha256: str
    official: bool
    is_lse: bool
    window_frames: int

    def cropper(self, track: FaceTrack | None) -> Cropper:
        """How to cut the crops it reads: ``cropper(track)(picture, frame)``, picture (H, W, 3) uint8 RGB, frame counted from the track's first.

        None: the pictures are crops already. Raises NotScored where they are not of its size.
        """

    def features(self, frames: Iterator[np.ndarray], audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Crops read once, (N,) int16 at 16 kHz → lips (T, D), audio (T, D). Raises NotScored for a clip that is too short."""


class SyncNetModel:
    """SyncNet: LSE-C and LSE-D. Raises ModelError for a file that is not the official one (unless ``allow_unknown``)."""

    name, is_lse, window_frames, least_confidence = "SyncNet", True, 5, LEAST_LSE_C

    def __init__(self, weights: Path, allow_unknown: bool, device: str) -> None:
        from speechlip.metrics.sync.syncnet import load_syncnet

        self.network = load_syncnet(weights, allow_unknown).to(device)
        self.sha256, self.official = self.network.sha256, self.network.official

    def cropper(self, track: FaceTrack | None) -> Cropper:
        if track is None:
            return whole_frame
        squares = square(track.boxes)
        return lambda picture, frame: cut224(picture, *squares[frame])

    def features(self, frames: Iterator[np.ndarray], audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from speechlip.metrics.sync.syncnet import sync_features

        return sync_features(self.network, frames, audio)


def whole_frame(picture: np.ndarray, frame: int) -> np.ndarray:
    """A picture that is a face crop already: RGB → BGR. Raises NotScored for another size than 224×224."""
    if picture.shape[:2] != (CROP_PX, CROP_PX):
        height, width = picture.shape[:2]
        raise NotScored(
            "not 224×224",
            f"protocol precropped wants face crops of 224×224, this is {width}×{height}; take --protocol direct",
        )
    return np.ascontiguousarray(picture[..., ::-1])


def open_sync_model(name: str, device: str) -> SyncModel:
    """A run of ``train-encoder`` (its folder, or ``hf://user/name``), or what another package offers by this name.

    Entry-point group ``speechlip.sync_models``: a callable ``(name, device) -> SyncModel``; ``name`` may go on behind a colon (``ours:runs/7``),
    the whole of it reaches the callable. Raises ModelError for a folder that is no run, OptionError that lists the known names, or for a broken one.
    """
    if is_remote(name) or Path(name).is_dir():
        from speechlip.encoders.trained import load_run

        return load_run(name, device)
    kind = name.partition(":")[0]
    if kind not in SYNC_MODELS:
        raise SYNC_MODELS.no_such(name, ("the folder of a run of train-encoder", "hf://user/name"))
    make = SYNC_MODELS.get(kind)
    with SYNC_MODELS.guard(name):
        model = make(name, device)
    if missing := [attribute for attribute in MODEL_ATTRIBUTES if not hasattr(model, attribute)]:
        raise OptionError(
            f"sync model {name!r} has no {' and no '.join(missing)} (speechlip.scoring.sync.models.SyncModel)"
        )
    return model


@dataclass(frozen=True)
class TrackSync:
    """One track's scores, or why there are none."""

    track: FaceTrack | None
    start_frame: int
    frames: int
    score: SyncScore | None
    problem: NotScored | None = None


@dataclass(frozen=True)
class ClipSync:
    """Lip sync of one clip; a column of ``metrics.sync.columns`` for every field.

    confidence, distance: mean over its tracks that were scored, as published (padded)
    confidence_unpadded, distance_unpadded: the same from real pairs only
    ci_low, ci_high: 95 % interval of the unpadded confidence; NaN for several tracks
    offset_frames: of the track with most windows; above 0: the audio is early
    windows: of all tracks
    """

    confidence: float
    distance: float
    confidence_unpadded: float
    distance_unpadded: float
    ci_low: float
    ci_high: float
    offset_frames: int
    windows: int

    @property
    def offset_ms(self) -> float:
        return 1000 * self.offset_frames / FPS


def score_tracks(
    model: SyncModel, footage: Footage, tracks: Sequence[FaceTrack], advance: Callable[[float], None]
) -> list[TrackSync]:
    """Scores of every track, in the order given. Tracks that do not overlap in time share one reading of the file."""
    done: dict[int, TrackSync] = {}
    for lane in lanes([footage.track_here(track) for track in tracks]):
        with closing(footage.pictures()) as reading:
            for number in lane:
                done[number] = _score_track(model, footage, tracks[number], reading, advance)
    return [done[number] for number in range(len(tracks))]


def score_whole(model: SyncModel, footage: Footage, advance: Callable[[float], None]) -> list[TrackSync]:
    """The one score of a file whose pictures are face crops already."""
    with closing(footage.pictures()) as reading:
        crops = _crops(reading, 0, None, model.cropper(None), lambda index: index, advance)
        return [_score(model, None, 0, crops, footage.sound)]


def lanes(spans: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Numbers of spans (start, stop) in groups that do not overlap, each in the order of time.

    >>> lanes([(0, 50), (10, 90), (50, 80), (95, 99)])
    [[0, 2, 3], [1]]
    """
    groups: list[list[int]] = []
    for number in sorted(range(len(spans)), key=lambda n: spans[n]):
        for group in groups:
            if spans[group[-1]][1] <= spans[number][0]:
                group.append(number)
                break
        else:
            groups.append([number])
    return groups


def of_clip(tracks: Sequence[TrackSync]) -> ClipSync:
    """The clip's own numbers from its scored tracks (at least one). The interval is that of the only track, NaN for several."""
    scores = [track.score for track in tracks if track.score]
    longest = max(scores, key=lambda score: score.windows)
    only = len(scores) == 1
    return ClipSync(
        confidence=fmean(score.lse_c for score in scores),
        distance=fmean(score.lse_d for score in scores),
        confidence_unpadded=fmean(score.lse_c_unpadded for score in scores),
        distance_unpadded=fmean(score.lse_d_unpadded for score in scores),
        ci_low=longest.ci_low if only else float("nan"),
        ci_high=longest.ci_high if only else float("nan"),
        offset_frames=longest.offset_frames,
        windows=sum(score.windows for score in scores),
    )


def _score_track(
    model: SyncModel,
    footage: Footage,
    track: FaceTrack,
    reading: Iterator[Frame],
    advance: Callable[[float], None],
) -> TrackSync:
    start, stop = footage.track_here(track)
    crops = _crops(
        reading,
        start,
        stop,
        model.cropper(track),
        lambda index: footage.frame_of_track(track, index),
        advance,
    )
    return _score(
        model, track, start, crops, footage.sound[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME]
    )


def _score(
    model: SyncModel, track: FaceTrack | None, start: int, crops: Iterator[np.ndarray], sound: np.ndarray
) -> TrackSync:
    frames = len(track) if track else 0
    try:
        if not len(sound):
            raise NotScored("no sound", "the clip has no sound where the face is")
        if not sound.any():
            raise NotScored("silence", "every sample is 0 where the face is: nothing to be in sync with")
        score = sync_score(*model.features(crops, sound))
    except NotScored as problem:
        return TrackSync(track, start, frames, None, problem)
    return TrackSync(track, start, frames or score.windows + model.window_frames, score)


def _crops(
    reading: Iterator[Frame],
    start: int,
    stop: int | None,
    cropper: Cropper,
    frame_of: Callable[[int], int],
    advance: Callable[[float], None],
) -> Iterator[np.ndarray]:
    """The crops of frames ``start … stop − 1``, no further; a moment without a picture shows the one before, at the start the one after."""
    shown, waiting = None, 0
    for moment in reading:
        advance(1)
        if moment.index < start:
            continue
        shown = moment.image if moment.image is not None else shown
        if shown is None:
            waiting += 1
            continue
        for index in range(moment.index - waiting, moment.index + 1):
            yield cropper(shown.rgb(), frame_of(index))
        waiting = 0
        if stop is not None and moment.index + 1 >= stop:
            return
