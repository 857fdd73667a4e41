"""Mouth regions of the first reading, kept so that most sources are decoded once.

docs/decisions/one-decode.md has the measurements.
"""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from speechlip.faces.crops import PRESETS, crop_size, turn_to_mean_face
from speechlip.faces.cutting import region, whole_pixels
from speechlip.faces.frame_parts import FrameParts, Part
from speechlip.faces.landmarks import MOUTH
from speechlip.faces.pose import as_complex
from speechlip.faces.tracking.tracks import TrackOptions
from speechlip.format import CROP_SIZE
from speechlip.records import Face, FaceTrack, MouthPlace

KEPT_BYTES = 256 * 2**20
"""Of pixels and samples that are kept at most, the last ones of a video: about 45 s of a face 300 px wide. A
worker has 0.8 GB without them."""
MARGIN = 28
"""Crop px by which a kept region goes beyond the crop that a face would have by itself, on each side: for
what the rest of the track changes in place and size of its crops, 26 at most in 14 real clips."""
FACE_MARGIN = 20
"""… beyond a face crop, whose size no mouth changes: 7 at most in 13 real clips, 18 from boxes alone."""


class KeptRegions:
    """The surroundings of the mouths in the last frames of a video."""

    def __init__(
        self, preset: str = "lips", mouth_in_box: MouthPlace | None = None, most_bytes: int = KEPT_BYTES
    ) -> None:
        self._preset, self._mouth_in_box, self._most_bytes = preset, mouth_in_box, most_bytes
        self._frames: OrderedDict[int, FrameParts] = OrderedDict()
        self._bytes = 0
        self._regions: list[tuple[int, int, int, int]] = []
        self._faces_at, self._size = 0, (0, 0)

    def see(
        self, index: int, image: np.ndarray | None, faces: Sequence[Face], samples: np.ndarray | None
    ) -> None:
        """Keep what crops of these faces may need; indices only rise.

        image: (H, W, 3) uint8 RGB, or None.
        faces: of the image. Where there are none, the places of the last ones are kept for as long as tracks
            are interpolated.
        samples: (640,) int16 of the same 40 ms, or None.
        """
        if image is None:
            return
        size = image.shape[1], image.shape[0]
        if faces := [face for face in faces if has_extent(face)]:
            self._regions = [around_mouth(face, self._preset, self._mouth_in_box, size) for face in faces]
            self._faces_at, self._size = index, size
        elif size != self._size or index - self._faces_at > TrackOptions.max_gap_frames:
            self._regions = []
        if not self._regions:
            return
        parts = tuple(Part((x0, y0), image[y0:y1, x0:x1].copy()) for x0, y0, x1, y1 in self._regions)
        self._frames[index] = FrameParts(index, size, parts, samples)
        self._bytes += self._frames[index].n_bytes
        while self._bytes > self._most_bytes:
            self._bytes -= self._frames.popitem(last=False)[1].n_bytes

    def has(self, index: int, affine: np.ndarray) -> bool:
        """Whether this crop of frame ``index`` can be cut."""
        return index in self._frames and self._frames[index].has(affine, crop_size(self._preset))

    def take(self, index: int) -> FrameParts:
        """What is kept of a frame; from then on it is kept no longer."""
        return self._frames.pop(index)


def has_extent(face: Face) -> bool:
    """Whether a face is larger than a point; of one that is not there is nothing to keep."""
    corners = face.box.reshape(2, 2) if face.landmarks is None else face.landmarks
    return bool(np.ptp(face.box.reshape(2, 2), axis=0).min() > 0 and np.ptp(corners, axis=0).max() > 0)


def around_mouth(
    face: Face, preset: str, mouth_in_box: MouthPlace | None, size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 of the part of a frame in which the crop of ``face`` will lie, before its track is known.

    size: (width, height) of the frame in px.

    With landmarks a mouth crop's size is taken from a mean face, since the mouth of one frame may be rounded.
    """
    if face.landmarks is None or preset in ("lower-face", "face-256"):
        score, interpolated = np.array([face.score], np.float32), np.zeros(1, bool)
        landmarks = face.landmarks[None] if preset == "face-256" and face.landmarks is not None else None
        alone = FaceTrack(0, face.box[None], score, interpolated, landmarks, mouth_in_box)
        affine = PRESETS[preset].affines(alone)[0]
        margin = FACE_MARGIN if preset == "face-256" else MARGIN
        affine[:, 2] += margin
        return region(affine, *size, crop_size(preset) + 2 * margin)
    points = as_complex(face.landmarks)
    turn = complex(turn_to_mean_face(points[None])[0])
    centre, per_pixel = complex(points[MOUTH].mean()), 1 / abs(turn)
    reach = (CROP_SIZE / 2 + MARGIN) * (abs(turn.real) + abs(turn.imag)) * per_pixel**2 + per_pixel
    x0, x1 = whole_pixels(centre.real - reach, centre.real + reach, size[0])
    y0, y1 = whole_pixels(centre.imag - reach, centre.imag + reach, size[1])
    return x0, y0, x1, y1
