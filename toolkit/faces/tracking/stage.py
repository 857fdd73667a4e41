"""The face stage, the same for preparation and for scoring: detect faces and shot cuts, join tracks, select.

>>> class OneFace:
...     name, has_landmarks = "one-face", False
...     def detect(self, image, index):
...         return [Face(np.array([10, 10, 90, 90], np.float32), 0.9)]
>>> stage = FaceStage(OneFace())
>>> for index in range(25):
...     _ = stage.see(np.zeros((120, 160, 3), np.uint8), index)
>>> faces = stage.finish()
>>> len(faces.tracks), len(faces.selected[0]), faces.sizes[0]
(1, 25, (160, 120))
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from speechlip.faces.detectors.declared import Detector, declaration
from speechlip.faces.tracking.selection import select
from speechlip.faces.tracking.shots import ShotDetector
from speechlip.faces.tracking.tracks import SMALL, TrackOptions, Unfit, build_tracks
from speechlip.records import Face, FaceTrack


@dataclass(frozen=True)
class FaceTracks:
    """The faces of a video of N frames at 25 frames/s.

    tracks: all of them, in the order of their first frame.
    selected: the tracks that are used; with selection ``largest`` they do not overlap.
    unfit: faces that became no track.
    cuts: first frames of all shots but the first.
    face_seen: (N,) bool, whether the detector found a face in the frame.
    sizes: (width, height) in px of every frame's image, None where there is no image.
    """

    tracks: tuple[FaceTrack, ...]
    selected: tuple[FaceTrack, ...]
    unfit: tuple[Unfit, ...]
    cuts: tuple[int, ...]
    face_seen: np.ndarray
    sizes: tuple[tuple[int, int] | None, ...]

    @property
    def n_frames(self) -> int:
        return len(self.sizes)

    @property
    def has_image(self) -> np.ndarray:
        """(N,) bool."""
        return np.array([size is not None for size in self.sizes], bool)

    @property
    def dropped(self) -> dict[str, int]:
        """Reason → number of faces of single frames that became no track."""
        reasons = sorted({face.reason for face in self.unfit})
        return {why: sum(len(face.frames) for face in self.unfit if face.reason == why) for why in reasons}

    @property
    def small(self) -> tuple[Unfit, ...]:
        """Faces seen long enough, but less wide than ``TrackOptions.min_width_px``."""
        return tuple(face for face in self.unfit if face.reason == SMALL)

    @property
    def small_seen(self) -> np.ndarray:
        """(N,) bool, from the first to the last sight of any face that is too small."""
        seen = np.zeros(self.n_frames, bool)
        for face in self.small:
            seen[face.frames[0] : face.frames[-1] + 1] = True
        return seen

    @property
    def at_once(self) -> np.ndarray:
        """(N,) int32, number of faces in a frame: tracks and too small faces, but no false detections."""
        count = np.zeros(self.n_frames, np.int32)
        for track in self.tracks:
            count[track.start_frame : track.stop_frame] += 1
        for face in self.small:
            count[face.frames[0] : face.frames[-1] + 1] += 1
        return count

    def size_of(self, track: FaceTrack) -> tuple[int, int]:
        """(width, height) in px of the images of a track; a track ends where the size changes."""
        return next(size for size in self.sizes[track.start_frame : track.stop_frame] if size is not None)

    @property
    def landmarks(self) -> np.ndarray | None:
        """(N, 68, 2) px of the selected faces, NaN where none was seen (nothing is interpolated).

        None without a selected face, and where the detector gives boxes only.
        """
        if not self.selected or any(track.landmarks is None for track in self.selected):
            return None
        points = np.full((self.n_frames, 68, 2), np.nan, np.float32)
        for track in self.selected:
            seen = np.array(track.landmarks)
            seen[track.interpolated] = np.nan
            points[track.start_frame : track.stop_frame] = seen
        return points

    @property
    def boxes(self) -> np.ndarray:
        """(N, 4) px of the selected faces, interpolated ones too; NaN where there is none."""
        boxes = np.full((self.n_frames, 4), np.nan, np.float32)
        for track in self.selected:
            boxes[track.start_frame : track.stop_frame] = track.boxes
        return boxes


class FaceStage:
    """Shown every frame of a video with ``see``; ``finish`` gives the tracks."""

    def __init__(self, detector: Detector) -> None:
        self._detector, self._shots = detector, ShotDetector()
        self._faces: list[list[Face] | None] = []
        self._sizes: list[tuple[int, int] | None] = []

    def see(self, image: np.ndarray | None, index: int) -> list[Face]:
        """The faces of a frame. image: (H, W, 3) uint8 RGB, None where there is none; index: 0, 1, 2 …"""
        faces = None if image is None else self._detector.detect(image, index)
        self._faces.append(faces)
        self._sizes.append(None if image is None else (image.shape[1], image.shape[0]))
        self._shots.see(image, index)
        return faces or []

    def finish(
        self, joins: Iterable[int] = (), selection: str = "largest", options: TrackOptions | None = None
    ) -> FaceTracks:
        """After the last frame, once.

        joins: first frames of recordings joined to others (``media.frames.joins``); no track crosses them.
        selection: ``largest`` or ``all`` (``select``).
        """
        cuts = sorted({*self._shots.cuts(), *joins})
        tracks, unfit = build_tracks(self._faces, cuts, options)
        mouth = declaration(self._detector).mouth_in_box
        tracks = tuple(replace(track, mouth_in_box=mouth) for track in tracks)
        seen = np.array([bool(faces) for faces in self._faces], bool)
        return FaceTracks(tracks, select(tracks, selection), unfit, tuple(cuts), seen, tuple(self._sizes))
