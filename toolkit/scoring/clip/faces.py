"""The faces of both files of a clip, from a detector or from the landmark files beside them."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.tracking.stage import FaceStage, FaceTracks
from speechlip.faces.tracking.tracks import TrackOptions
from speechlip.files.names import is_file
from speechlip.media.frames import joins, read_frames
from speechlip.media.info import MediaInfo
from speechlip.metrics import table
from speechlip.metrics.declared import NotScored
from speechlip.records import LANDMARKS_ENDING, Source
from speechlip.scoring import protocols
from speechlip.scoring.clip.files import ClipFiles
from speechlip.scoring.clip.outcome import Outcome, attempt
from speechlip.scoring.options import ScoreOptions

Seen = tuple[FaceTracks, tuple[str, ...]]


@dataclass(frozen=True)
class ClipFaces:
    """Faces of a clip.

    render, reference: tracks, each with sentences on what reading the file altered.
    """

    render: Outcome[Seen]
    reference: Outcome[Seen]

    @property
    def of_render(self) -> FaceTracks | None:
        return self.render.result[0] if self.render.result else None

    @property
    def of_reference(self) -> FaceTracks | None:
        return self.reference.result[0] if self.reference.result else None


def find_clip_faces(files: ClipFiles, options: ScoreOptions, advance: Callable[[float], None]) -> ClipFaces:
    """Look for faces where the options need them; in the reference for landmarks and for a region."""
    tracks, task, reference = protocols.get(options.protocol).tracks, files.task, files.reference
    in_render: Outcome[Seen] = Outcome()
    in_reference: Outcome[Seen] = Outcome()
    if options.needs_faces:
        in_render = attempt(lambda: find_faces(task.render, files.info, options.detector, tracks, advance))
    of_landmarks = table.families_that_need("landmarks", options.metrics)
    compared = options.region != "full" or any(family not in files.problems for family in of_landmarks)
    if task.reference and reference and compared:
        path, info = task.reference, reference
        in_reference = attempt(lambda: find_faces(path, info, options.detector, tracks, lambda frames: None))
    return ClipFaces(in_render, in_reference)


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
