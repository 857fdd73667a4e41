"""Lip-sync of one clip: its face tracks → crops and sound → features → scores, one per track and one for the clip.

A sync model is anything that turns crops and sound into rows of features, one per 25-fps frame, that lie near each other where lips and speech fit:
SyncNet, whose scores are called LSE, or a speech-lip encoder of one's own, whose scores never are.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Protocol as Interface

import numpy as np
from speechlip.errors import OptionError
from speechlip.faces.tracks import SMALL, TrackOptions
from speechlip.media.audio import windows
from speechlip.media.moments import Moment, Reading
from speechlip.media.probe import MediaInfo
from speechlip.metrics.declared import NotScored
from speechlip.metrics.lse import SyncScore, sync_score
from speechlip.plugins import loaded, offered, plugged_in
from speechlip.records import FaceTrack
from speechlip.remote.names import is_remote
from speechlip.timing import FPS, SAMPLES_PER_FRAME, seconds

from .crops224 import CROP_PX, cut224, square
from .faces import Looked
from .protocols import Protocol
from .verdict import LEAST_LSE_C

Cropper = Callable[[np.ndarray, int], np.ndarray]
MODEL_GROUP = "speechlip.sync_models"
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
        from speechlip.metrics.syncnet import load_syncnet

        self.network = load_syncnet(weights, allow_unknown).to(device)
        self.sha256, self.official = self.network.sha256, self.network.official

    def cropper(self, track: FaceTrack | None) -> Cropper:
        if track is None:
            return whole_picture
        squares = square(track.boxes)
        return lambda picture, frame: cut224(picture, *squares[frame])

    def features(self, frames: Iterator[np.ndarray], audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from speechlip.metrics.syncnet import sync_features

        return sync_features(self.network, frames, audio)


def whole_picture(picture: np.ndarray, frame: int) -> np.ndarray:
    """A picture that is a face crop already: RGB → BGR. Raises NotScored for another size than 224×224."""
    if picture.shape[:2] != (CROP_PX, CROP_PX):
        height, width = picture.shape[:2]
        raise NotScored("not 224×224", f"protocol precropped wants face crops of 224×224, this is {width}×{height}; take --protocol direct")
    return np.ascontiguousarray(picture[..., ::-1])


def open_sync_model(name: str, device: str) -> SyncModel:
    """A run of ``train-encoder`` (its folder, or ``hf://user/name``), or what another package offers by this name.

    Entry-point group ``speechlip.sync_models``: a callable ``(name, device) -> SyncModel``; ``name`` may go on behind a colon (``ours:runs/7``),
    the whole of it reaches the callable. Raises ModelError for a folder that is no run, OptionError that lists the known names, or for a broken one.
    """
    if is_remote(name) or Path(name).is_dir():
        from speechlip.encoders.trained import load_run

        return load_run(name, device)
    points = offered(MODEL_GROUP)
    kind = name.partition(":")[0]
    if kind not in points:
        raise OptionError(f"no sync model {name!r}: no folder of a run, and installed packages offer {', '.join(sorted(points)) or 'none'}")
    make = loaded("sync model", points[kind])
    with plugged_in("sync model", name):
        model = make(name, device)
    if missing := [attribute for attribute in MODEL_ATTRIBUTES if not hasattr(model, attribute)]:
        raise OptionError(f"sync model {name!r} has no {' and no '.join(missing)} (speechlip.scoring.sync.SyncModel)")
    return model


@dataclass(frozen=True)
class Footage:
    """What the sync core reads, after the protocol's codec path. pictures: opens them, 25 a second. sound: (N,) int16 from the first picture on;
    empty: no sound. moments: which moment of the render each picture shows, never falling; empty: its own. Tracks are in moments of the render.
    corrected: what reading the sound altered.
    """

    pictures: Callable[[], Generator[Moment] | Reading]
    sound: np.ndarray
    moments: tuple[int, ...] = ()
    corrected: tuple[str, ...] = ()

    def track_here(self, track: FaceTrack) -> tuple[int, int]:
        """First and last + 1 picture of the footage that show ``track``."""
        if not self.moments:
            return track.start_frame, track.stop_frame
        return bisect_left(self.moments, track.start_frame), bisect_left(self.moments, track.stop_frame)

    def frame_of_track(self, track: FaceTrack, index: int) -> int:
        moment = self.moments[index] if self.moments else index
        return max(0, moment - track.start_frame)

    def times_seen(self, track: FaceTrack) -> int:
        """In how many pictures of the footage the face was seen, not interpolated."""
        start, stop = self.track_here(track)
        return sum(not track.interpolated[self.frame_of_track(track, index)] for index in range(start, stop))


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
    """Sync of one clip: the mean over its tracks that were scored; offset of the track with most windows; windows together."""

    confidence: float
    distance: float
    confidence_unpadded: float
    distance_unpadded: float
    ci_low: float
    ci_high: float
    offset_frames: int
    windows: int


def read_sound(path: Path, info: MediaInfo, zero_s: float, frames: int, tally: Counter | None = None) -> np.ndarray:
    """(N,) int16 at 16 kHz from ``zero_s`` on, for at most ``frames`` moments; a hole becomes silence, at the end nothing does.

    tally: counts what reading meets, and holds what it altered (``media.corrected``).
    """
    parts = list(islice(windows(path, replace(info, video_start_s=zero_s), Counter() if tally is None else tally), frames))
    while parts and parts[-1] is None:
        parts.pop()
    silence = np.zeros(SAMPLES_PER_FRAME, np.int16)
    return np.concatenate([silence if part is None else part for part in parts]) if parts else np.zeros(0, np.int16)


def wanted_tracks(looked: Looked, protocol: Protocol, footage: Footage) -> list[FaceTrack]:
    """The tracks that the protocol scores. Raises NotScored that says how far the best of the others is from it."""
    if not looked.tracks:
        raise why_no_track(looked, protocol)
    seen = [footage.times_seen(track) for track in looked.tracks]
    kept = [track for track, times in zip(looked.tracks, seen, strict=True) if times >= protocol.min_frames]
    if kept:
        return kept
    longest, after = max(seen), " after the hop" if footage.moments else ""
    seen_words = f"the longest face is seen in {longest} frames{after} ({seconds(longest):.2f} s)"
    raise NotScored("too short", f"{seen_words}, protocol {protocol.id} wants {protocol.min_frames}")


def why_no_track(looked: Looked, protocol: Protocol) -> NotScored:
    """Why no face of a clip became a track."""
    if looked.dropped.get(SMALL):
        return NotScored("face too small", f"protocol {protocol.id} wants faces {_size_words(protocol.tracks)}")
    if looked.dropped:
        return NotScored("too short", f"a face was seen for {protocol.tracks.min_seen_frames} frames nowhere in {looked.frames}")
    return NotScored("no face", f"no face was found in {looked.frames} frames")


def _size_words(options: TrackOptions) -> str:
    if options.min_mean_side_px:
        return f"over {options.min_mean_side_px:g} px wide or high on average"
    return f"{options.min_width_px:g} px wide"


def times_seen(track: FaceTrack) -> int:
    return int((~track.interpolated).sum())


def score_tracks(model: SyncModel, footage: Footage, tracks: Sequence[FaceTrack], advance: Callable[[float], None]) -> list[TrackSync]:
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
    model: SyncModel, footage: Footage, track: FaceTrack, reading: Iterator[Moment], advance: Callable[[float], None]
) -> TrackSync:
    start, stop = footage.track_here(track)
    crops = _crops(reading, start, stop, model.cropper(track), lambda index: footage.frame_of_track(track, index), advance)
    return _score(model, track, start, crops, footage.sound[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME])


def _score(model: SyncModel, track: FaceTrack | None, start: int, crops: Iterator[np.ndarray], sound: np.ndarray) -> TrackSync:
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
    reading: Iterator[Moment],
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
        shown = moment.picture if moment.picture is not None else shown
        if shown is None:
            waiting += 1
            continue
        for index in range(moment.index - waiting, moment.index + 1):
            yield cropper(shown.rgb(), frame_of(index))
        waiting = 0
        if stop is not None and moment.index + 1 >= stop:
            return


def offset_ms(offset_frames: int) -> float:
    """Frames of 40 ms in milliseconds.

    >>> offset_ms(-3)
    -120.0
    """
    return 1000 * offset_frames / FPS
