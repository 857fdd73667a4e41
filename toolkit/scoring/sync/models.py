"""Lip sync of one clip: its face tracks → crops and audio → features → scores, one per track and one for the
clip.

A sync model turns crops and audio into rows of features, one per frame at 25 frames/s, that lie near each
other
where lips and speech fit: SyncNet, whose scores are called LSE, or another one, whose scores never are.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol as Interface

import numpy as np

from speechlip.errors import OptionError
from speechlip.media.frames import Frame
from speechlip.metrics.declared import NotScored
from speechlip.metrics.sync.lse import sync_score
from speechlip.plugins import Registry
from speechlip.records import FaceTrack
from speechlip.remote.names import is_remote
from speechlip.scoring.sync.crops224 import CROP_PX, cut224, shown224, square
from speechlip.scoring.sync.footage import Footage
from speechlip.scoring.sync.means import TrackSync
from speechlip.scoring.sync.mouth_models import MouthModel, judge_track
from speechlip.scoring.sync.verdict import LEAST_LSE_C
from speechlip.timing import SAMPLES_PER_FRAME

Cropper = Callable[[np.ndarray, int], np.ndarray]
CropRegion = Callable[[int, tuple[int, int]], tuple[int, int, int, int]]
SYNC_MODELS = Registry(
    "sync model",
    "speechlip.sync_models",
    {
        "phones": "speechlip.scoring.sync.mouth_models:PhonesModel",
        "self": "speechlip.scoring.sync.mouth_models:SelfModel",
    },
)
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


AnyModel = SyncModel | MouthModel


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


def open_sync_model(name: str, device: str) -> AnyModel:
    """The sync model of a name.

    name: ``phones``, ``self``, the folder of a run of ``train-encoder``, ``hf://user/name``, or what another
        package offers. Its entry point in the group ``speechlip.sync_models`` is a callable
        ``(name, device) -> SyncModel``; the name may go on behind a colon (``ours:runs/7``), and reaches the
        callable as a whole.

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
    if isinstance(model, MouthModel):
        return model
    if missing := [attribute for attribute in MODEL_ATTRIBUTES if not hasattr(model, attribute)]:
        raise OptionError(
            f"sync model {name!r} has no {' and no '.join(missing)} (speechlip.scoring.sync.models.SyncModel)"
        )
    return model


def name_of_other(model: AnyModel | None) -> str:
    """The model's name where its numbers are no LSE; empty for SyncNet, and without a model."""
    return "" if model is None or model.is_lse else model.name


def score_tracks(
    model: AnyModel, footage: Footage, tracks: Sequence[FaceTrack], advance: Callable[[float], None]
) -> list[TrackSync]:
    """Scores of every track, in the order given. Tracks that do not overlap in time share one reading.

    A model that judges landmarks reads no image.
    """
    if isinstance(model, MouthModel):
        return [judge_track(model, footage, track) for track in tracks]
    done: dict[int, TrackSync] = {}
    for lane in lanes([footage.track_here(track) for track in tracks]):
        with closing(footage.open_frames()) as reading:
            for number in lane:
                done[number] = _score_track(model, footage, tracks[number], reading, advance)
    return [done[number] for number in range(len(tracks))]


def score_whole(model: AnyModel, footage: Footage, advance: Callable[[float], None]) -> list[TrackSync]:
    """The one score of a file whose frames are face crops already."""
    if isinstance(model, MouthModel):
        raise NotScored(
            "no face", f"{model.name} judges a face's landmarks, and this protocol looks for none"
        )
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
