"""Lip sync of one clip: its face tracks → crops and audio → features → scores, one per track and one for the
clip.

A sync model turns crops and audio into rows of features, one per frame at 25 frames/s, that lie near each
other
where lips and speech fit: SyncNet, whose scores are called LSE, or another one, whose scores never are.
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
from speechlip.scoring.sync.crops224 import CROP_PX, cut224, shown224, square
from speechlip.scoring.sync.footage import Footage
from speechlip.scoring.sync.verdict import LEAST_LSE_C
from speechlip.timing import FPS, SAMPLES_PER_FRAME

Cropper = Callable[[np.ndarray, int], np.ndarray]
CropRegion = Callable[[int, tuple[int, int]], tuple[int, int, int, int]]
SYNC_MODELS = Registry("sync model", "speechlip.sync_models")
MODEL_ATTRIBUTES = ("name", "sha256", "official", "is_lse", "window_frames", "cropper", "features")


class SyncModel(Interface):
    """A network that scores lip sync.

    name: in every output.
    sha256: of its weights.
    official: whether they are those that published numbers rest on.
    is_lse: whether its numbers are LSE-C and LSE-D.
    window_frames: frames that one row of features looks at.

    It may also have ``least_confidence``: the confidence from which an offset is decided (``verdict``), and
    ``crop_region(track)(index, (width, height))``: x0 y0 x1 y1 of the part of an image of that size, in whole
    px, that the crop reads. With that, most renders are decoded once.
    """

    name: str
    sha256: str
    official: bool
    is_lse: bool
    window_frames: int

    def cropper(self, track: FaceTrack | None) -> Cropper:
        """How to cut the crops it reads: ``cropper(track)(image, index)``.

        track: None where the frames are crops already.
        image: (H, W, 3) uint8 RGB.
        index: of the frame, counted from the track's first.

        Raises NotScored where crops are not of its size.
        """

    def features(self, frames: Iterator[np.ndarray], audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features of lips and of speech, each (T, D).

        frames: crops, read once.
        audio: (N,) int16 at 16 kHz.

        Raises NotScored for a clip that is too short.
        """


class SyncNetModel:
    """SyncNet: LSE-C and LSE-D.

    precision: ``fp32`` or ``bf16``, of the lips' convolutions.

    Raises ModelError for a file that is not the official one (unless ``allow_unknown``).
    """

    name, is_lse, window_frames, least_confidence = "SyncNet", True, 5, LEAST_LSE_C

    def __init__(self, weights: Path, allow_unknown: bool, device: str, precision: str = "fp32") -> None:
        from speechlip.metrics.sync.syncnet import load_syncnet

        self.network = load_syncnet(weights, allow_unknown, precision).to(device)
        self.sha256, self.official = self.network.sha256, self.network.official

    def cropper(self, track: FaceTrack | None) -> Cropper:
        if track is None:
            return whole_frame
        squares = square(track.boxes)
        return lambda image, frame: cut224(image, *squares[frame])

    def crop_region(self, track: FaceTrack) -> CropRegion:
        squares = square(track.boxes)
        return lambda frame, size: shown224(*size, *squares[frame])

    def features(self, frames: Iterator[np.ndarray], audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from speechlip.metrics.sync.syncnet import sync_features

        return sync_features(self.network, frames, audio)


def whole_frame(image: np.ndarray, frame: int) -> np.ndarray:
    """A frame that is a face crop already: RGB → BGR. Raises NotScored for another size than 224×224."""
    if image.shape[:2] != (CROP_PX, CROP_PX):
        height, width = image.shape[:2]
        raise NotScored(
            "not 224×224",
            f"protocol precropped wants face crops of 224×224, this is {width}×{height}; "
            "take --protocol direct",
        )
    return np.ascontiguousarray(image[..., ::-1])


def open_sync_model(name: str, device: str) -> SyncModel:
    """The sync model of a name.

    name: the folder of a run of ``train-encoder``, ``hf://user/name``, or what another package offers. Its
        entry point in the group ``speechlip.sync_models`` is a callable ``(name, device) -> SyncModel``; the
        name may go on behind a colon (``ours:runs/7``), and reaches the callable as a whole.

    Raises ModelError for a folder that is no run, OptionError that lists the known names, or for a broken
    one.
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
    """Lip sync of one face track.

    track: None where the frames are crops already.
    start_frame, frames: where it lies in the footage.
    score: None where there is none.
    problem: why there is no score.
    """

    track: FaceTrack | None
    start_frame: int
    frames: int
    score: SyncScore | None
    problem: NotScored | None = None


@dataclass(frozen=True)
class SyncMeans:
    """Lip sync of one clip as means over its tracks; a column of ``metrics.sync.columns`` for every field.

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
    """Scores of every track, in the order given. Tracks that do not overlap in time share one reading."""
    done: dict[int, TrackSync] = {}
    for lane in lanes([footage.track_here(track) for track in tracks]):
        with closing(footage.open_frames()) as reading:
            for number in lane:
                done[number] = _score_track(model, footage, tracks[number], reading, advance)
    return [done[number] for number in range(len(tracks))]


def score_whole(model: SyncModel, footage: Footage, advance: Callable[[float], None]) -> list[TrackSync]:
    """The one score of a file whose frames are face crops already."""
    with closing(footage.open_frames()) as reading:
        crops = _crops(reading, 0, None, model.cropper(None), lambda index: index, advance)
        return [_score(model, None, 0, crops, footage.audio)]


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


def of_clip(tracks: Sequence[TrackSync]) -> SyncMeans:
    """The clip's own numbers, from its scored tracks; there is at least one."""
    scores = [track.score for track in tracks if track.score]
    longest = max(scores, key=lambda score: score.windows)
    only = len(scores) == 1
    return SyncMeans(
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
        model, track, start, crops, footage.audio[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME]
    )


def _score(
    model: SyncModel, track: FaceTrack | None, start: int, crops: Iterator[np.ndarray], audio: np.ndarray
) -> TrackSync:
    frames = len(track) if track else 0
    try:
        if not len(audio):
            raise NotScored("no sound", "the clip has no sound where the face is")
        if not audio.any():
            raise NotScored("silence", "every sample is 0 where the face is: nothing to be in sync with")
        score = sync_score(*model.features(crops, audio))
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
    """Crops of the frames ``start … stop − 1``; a hole shows the frame before it, at the start the one after
    it.
    """
    shown, waiting = None, 0
    for frame in reading:
        advance(1)
        if frame.index < start:
            continue
        shown = frame.image if frame.image is not None else shown
        if shown is None:
            waiting += 1
            continue
        for index in range(frame.index - waiting, frame.index + 1):
            yield cropper(shown.rgb(), frame_of(index))
        waiting = 0
        if stop is not None and frame.index + 1 >= stop:
            return
