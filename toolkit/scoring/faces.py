"""Faces of one clip, from a detector or from the landmark file beside it."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.tracking.stage import FaceStage, FaceTracks
from speechlip.faces.tracking.tracks import TrackOptions
from speechlip.files.names import is_file
from speechlip.media.frames import joins, read_frames
from speechlip.media.info import MediaInfo
from speechlip.metrics.declared import NotScored
from speechlip.records import LANDMARKS_ENDING, Source


def find_faces(
    path: Path, info: MediaInfo, detector_name: str, options: TrackOptions, advance: Callable[[float], None]
) -> tuple[FaceTracks, tuple[str, ...]]:
    """Tracks of a clip, its largest face selected; and sentences on what reading it altered.

    Raises SourceRefused for a file that cannot be read.
    """
    with (
        open_detector(detector_name, as_source(path)) as detector,
        closing(read_frames(path, info)) as reading,
    ):
        stage = FaceStage(detector)
        for frame in reading:
            stage.see(frame.rgb(), frame.index)
            advance(1)
    return stage.finish(joins(info), "largest", options), reading.stats.corrected


def check_one_size(faces: FaceTracks, what: str) -> None:
    """Raise NotScored where images have more than one size: ``what`` is measured in pixels of one size."""
    sizes = [size for size in dict.fromkeys(faces.sizes) if size is not None]
    if len(sizes) > 1:
        told = " → ".join(f"{width}×{height}" for width, height in sizes)
        raise NotScored(
            "picture size changes",
            f"{told} within the file: {what} is measured in pixels of one size; cut the file there",
        )


def as_source(path: Path) -> Source:
    """The record a detector is opened with, its sidecar landmarks beside the video if there are any."""
    sidecar = sidecar_of(path)
    return Source(path, path.name, "", landmarks_path=sidecar if is_file(sidecar) else None)


def sidecar_of(path: Path) -> Path:
    return path.with_name(path.stem + LANDMARKS_ENDING)


def sidecar_landmarks(path: Path, frames: int) -> np.ndarray:
    """(frames, 68, 2) px from the file beside the video, NaN where it has no face. Raises SourceRefused where
    it is missing or bad.
    """
    points = np.full((frames, 68, 2), np.nan, np.float32)
    nothing = np.zeros((0, 0, 3), np.uint8)
    with open_detector("sidecar", as_source(path)) as detector:
        for index in range(frames):
            for face in detector.detect(nothing, index):
                points[index] = face.landmarks
    return points
