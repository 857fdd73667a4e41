"""The faces of one clip: one reading, every frame looked at, tracks joined; landmarks of the main face frame by frame."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.faces.detectors import open_detector
from speechlip.faces.shots import ShotDetector
from speechlip.faces.tracks import TrackOptions, build_tracks, select
from speechlip.files.names import is_file
from speechlip.media.frames import joins, read_frames
from speechlip.media.probe import MediaInfo
from speechlip.metrics.declared import NotScored
from speechlip.records import Face, FaceTrack, Source

SIDECAR_ENDING = ".landmarks.npz"


@dataclass(frozen=True)
class FaceTracks:
    """What was seen of a clip. frames: moments of 40 ms. tracks: every face, in the order of time. main: of each moment the face that is largest
    over its track, in pieces that do not overlap. dropped: faces of single frames that became no track, by reason (``faces.tracks``). sizes: (width,
    height) of the pictures, each once; more than one where the file changes its size. corrected: what reading altered beside ``probe.corrections``."""

    frames: int
    tracks: tuple[FaceTrack, ...]
    main: tuple[FaceTrack, ...]
    dropped: dict[str, int]
    sizes: tuple[tuple[int, int], ...] = ()
    corrected: tuple[str, ...] = ()

    def check_one_size(self, what: str) -> None:
        """Raise NotScored where the pictures have more than one size, so that ``what`` has no one pixel to be measured in."""
        if len(self.sizes) > 1:
            told = " → ".join(f"{width}×{height}" for width, height in self.sizes)
            raise NotScored(
                "picture size changes",
                f"{told} within the file: {what} is measured in pixels of one size; cut the file there",
            )

    def main_landmarks(self) -> np.ndarray | None:
        """(frames, 68, 2) px, NaN where the face was not seen (nothing is interpolated); None where the detector gives boxes only."""
        if not self.main or any(track.landmarks is None for track in self.main):
            return None
        points = np.full((self.frames, 68, 2), np.nan, np.float32)
        for track in self.main:
            points_seen = np.array(track.landmarks)
            points_seen[track.interpolated] = np.nan
            points[track.start_frame : track.stop_frame] = points_seen
        return points

    def main_boxes(self) -> np.ndarray:
        """(frames, 4) px, NaN where there is no face."""
        boxes = np.full((self.frames, 4), np.nan, np.float32)
        for track in self.main:
            boxes[track.start_frame : track.stop_frame] = track.boxes
        return boxes


def look(
    path: Path, info: MediaInfo, detector_name: str, options: TrackOptions, advance: Callable[[float], None]
) -> FaceTracks:
    """Find the faces of every frame and join them to tracks. Raises SourceRefused for a file that cannot be read."""
    faces: list[list[Face] | None] = []
    sizes: dict[tuple[int, int], None] = {}
    shots = ShotDetector()
    with (
        open_detector(detector_name, as_source(path)) as detector,
        closing(read_frames(path, info)) as reading,
    ):
        for moment in reading:
            picture = None if moment.image is None else moment.image.rgb()
            shots.see(picture, moment.index)
            if picture is not None:
                sizes[picture.shape[1], picture.shape[0]] = None
            faces.append(None if picture is None else detector.detect(picture, moment.index))
            advance(1)
    found = build_tracks(faces, sorted({*shots.cuts(), *joins(info)}), options)
    main = select(found.tracks, "largest")
    return FaceTracks(len(faces), found.tracks, main, found.dropped, tuple(sizes), reading.stats.corrected)


def as_source(path: Path) -> Source:
    """The record a detector is opened with, its sidecar landmarks beside the video if there are any."""
    sidecar = sidecar_of(path)
    return Source(path, path.name, "", landmarks_path=sidecar if is_file(sidecar) else None)


def sidecar_of(path: Path) -> Path:
    return path.with_name(path.stem + SIDECAR_ENDING)


def sidecar_landmarks(path: Path, frames: int) -> np.ndarray:
    """(frames, 68, 2) px from the file beside the video, NaN where it has no face. Raises SourceRefused where it is missing or bad."""
    points = np.full((frames, 68, 2), np.nan, np.float32)
    nothing = np.zeros((0, 0, 3), np.uint8)
    with open_detector("sidecar", as_source(path)) as detector:
        for index in range(frames):
            for face in detector.detect(nothing, index):
                points[index] = face.landmarks
    return points
