"""Crops: a track → one affine per frame, frame pixels to crop pixels.

Coordinates are continuous (pixel j covers [j, j + 1)), so the middle of a 96-px crop is (48, 48).
docs/crops.md shows the presets on one face.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from speechlip.errors import OptionError, no_such
from speechlip.faces.detectors.declared import EYEBROWS_TO_CHIN
from speechlip.faces.landmarks import MOUTH, MOUTH_CORNERS, RIGID, mean_face
from speechlip.faces.pose import as_complex, fit_pose, smooth
from speechlip.format import CROP_SIZE, FACE_SIZE
from speechlip.records import FaceTrack

MOUTH_WIDTHS = 1.9
"""Width of a ``lips`` crop in mouth widths, after Speech2Lip's mouth box (face_tracker.py crop_lip); SE4Lip's
network reads rows 24–71."""
TURN_FRAMES = 2.0
"""σ of the smoothing of a ``lips`` crop's size and roll."""
DROP_FRAMES = 5.0
"""σ with which a ``lips`` crop follows the mouth up and down within the face. Slower than syllables (2 Hz are
damped to 4 %), so that an opening jaw moves in the crop and not the crop with it. Sideways it follows with
TURN_FRAMES, since there only a turning head moves the mouth."""
SIDE_FRAMES = 5.0
"""σ of the smoothing of a box's side, where a ``lips`` crop is cut from boxes alone."""
MEAN_MOUTH_WIDTH_CM = 4.912
AVSR_FACE_SCALE = CROP_SIZE / MOUTH_WIDTHS / MEAN_MOUTH_WIDTH_CM
"""px per centimetre of the mean face: its mouth takes as much of the ``auto-avsr`` crop as of ``lips``."""
AVSR_STABLE = [28, 33, 36, 39, 42, 45, 48, 54]
AVSR_MARGIN = 6
"""The points that are aligned, and the half window of the mean over frames (mpc001/auto_avsr,
preparation/detectors/retinaface/video_process.py)."""
FACE_PX_PER_CM, FACE_MIDDLE_CM = 12.0, 2.03j
"""Size of the mean face in a ``face-256`` crop, and its point in the middle: as LatentSync places it
(docs/decisions/face-256.md)."""
FACE_WIDTH_PX, FACE_BOX_WIDTH_PX = 170, 209
"""Width in its video, by landmarks and by a box alone, of a face that ``face-256`` neither enlarges nor makes
smaller: median of 13 real clips, 147 to 192 and 208 to 211."""
MEAN_MOUTH_CM = 4.3j
"""The middle of the mean face's mouth."""


class CropPart(NamedTuple):
    """A square of a crop: its left upper corner and its side, px."""

    x: float
    y: float
    side: float


WHOLE_MOUTH_CROP = CropPart(0, 0, CROP_SIZE)
"""Mouth crops show the mouth and nothing else."""


@dataclass(frozen=True)
class CropPlan:
    """How N frames of a track are cut.

    affines: (N, 2, 3) float32, frame px → crop px.
    landmarks: (N, 20, 2) float32 mouth points in crop px, or None.
    size: height and width of a crop, px.
    mouth: its part with the mouth.
    """

    affines: np.ndarray
    landmarks: np.ndarray | None
    size: int = CROP_SIZE
    mouth: CropPart = WHOLE_MOUTH_CROP

    def __len__(self) -> int:
        return len(self.affines)

    def frames(self, which: slice) -> "CropPlan":
        """Of some of its frames alone."""
        landmarks = None if self.landmarks is None else self.landmarks[which]
        return replace(self, affines=self.affines[which], landmarks=landmarks)


@dataclass(frozen=True)
class CropPreset:
    """How tracks are cropped.

    affines: track → (N, 2, 3), frame px → crop px.
    size: height and width of a crop, px.
    mouth: the part of a crop that shows the mouth as a ``lips`` crop does.
    needs_landmarks: boxes alone do not do.
    """

    affines: Callable[[FaceTrack], np.ndarray]
    size: int = CROP_SIZE
    mouth: CropPart = WHOLE_MOUTH_CROP
    needs_landmarks: bool = False


def plan_crop(track: FaceTrack, preset: str = "lips") -> CropPlan:
    """Affines of every frame of a track.

    Raises OptionError for an unknown preset, or one that needs landmarks which the track does not have.
    """
    check_preset(preset, track.landmarks is not None)
    chosen = PRESETS[preset]
    affines = chosen.affines(track)
    landmarks = None if track.landmarks is None else transform(affines, track.landmarks[:, MOUTH])
    return CropPlan(affines.astype(np.float32), landmarks, chosen.size, chosen.mouth)


def crop_size(preset: str) -> int:
    """Height and width of the crops of a preset, px; 96 for a name of one's own."""
    return PRESETS[preset].size if preset in PRESETS else CROP_SIZE


def check_preset(preset: str, has_landmarks: bool) -> None:
    """Raise OptionError where ``preset`` is unknown or needs more than the detector gives."""
    if preset not in PRESETS:
        raise no_such("crop preset", preset, PRESETS)
    if PRESETS[preset].needs_landmarks and not has_landmarks:
        raise OptionError(
            f"crop preset {preset!r} aligns landmarks, the detector gives boxes only: "
            "take --crop lips or --detector landmarker"
        )


def lips(track: FaceTrack) -> np.ndarray:
    """The mouth in the middle, upright, at one scale: 96 px are 1.9 times the mouth's usual width.

    Scale and roll come from the rigid points of the face, so that a mouth that opens or rounds is not
    normalised away. The centre follows the face at once, and the mouth within the face slowly.
    """
    if track.landmarks is None:
        return lips_from_box(track)
    pose = fit_pose(track.landmarks)
    mouth = pose.to_face(as_complex(track.landmarks[:, MOUTH].astype(np.float64)))
    corners = pose.to_face(as_complex(track.landmarks[:, MOUTH_CORNERS].astype(np.float64)))
    mouth_width = np.median(np.abs(corners[:, 1] - corners[:, 0]))
    mouth_centre = mouth.mean(axis=1)
    place = smooth(mouth_centre.real, TURN_FRAMES) + 1j * smooth(mouth_centre.imag, DROP_FRAMES)
    centre = pose.to_image(place[:, None])[:, 0]
    calm = pose.smoothed(0, TURN_FRAMES)
    return similarities(centre, CROP_SIZE / MOUTH_WIDTHS / mouth_width / calm.turn)


def lips_from_box(track: FaceTrack) -> np.ndarray:
    """``lips`` of a face without landmarks: upright, the mouth where the detector declares it in the box.

    How far off that is: docs/decisions/mouth-place-in-a-box.md.
    """
    mouth, mouth_width = mouth_from_box(track)
    return similarities(mouth, CROP_SIZE / MOUTH_WIDTHS / mouth_width + 0j)


def mouth_from_box(track: FaceTrack) -> tuple[np.ndarray, np.ndarray]:
    """Where the mouth's middle is in each frame and how wide it is, from boxes alone: (N,) complex, (N,)
    float64, px."""
    corner, other = (
        as_complex(track.boxes[:, :2].astype(np.float64)),
        as_complex(track.boxes[:, 2:].astype(np.float64)),
    )
    place = track.mouth_in_box or EYEBROWS_TO_CHIN
    side = smooth((other - corner).real, SIDE_FRAMES)
    middle = (place.x - 0.5) + 1j * (place.y - 0.5)
    return (corner + other) / 2 + middle * side, place.width * side


def lower_face(track: FaceTrack) -> np.ndarray:
    """Wav2Lip's convention: the face box is scaled to 96×96, width and height each by its own factor.

    Its lower half, from which is learned, lies in rows 24–71 of the crop, the rows that the lip network
    reads. Above and below it the image goes on.
    """
    boxes = track.boxes.astype(np.float64)
    size = boxes[:, 2:] - boxes[:, :2]
    scale = CROP_SIZE / size
    top = boxes[:, 1] + size[:, 1] / 4
    affines = np.zeros((len(boxes), 2, 3))
    affines[:, 0, 0], affines[:, 1, 1] = scale[:, 0], scale[:, 1]
    affines[:, 0, 2], affines[:, 1, 2] = -boxes[:, 0] * scale[:, 0], -top * scale[:, 1]
    return affines


def auto_avsr(track: FaceTrack) -> np.ndarray:
    """auto_avsr's mouth crop: 96×96 around each frame's mouth, the face averaged over 13 frames on a mean
    face.

    Two things differ from theirs: the mean face is MediaPipe's canonical face (theirs is a file that is not
    ours to copy), and the similarity is the least-squares one (theirs, least median, draws random numbers).
    """
    assert track.landmarks is not None
    points = as_complex(track.landmarks.astype(np.float64))
    calm = centred_means(points, AVSR_MARGIN)
    calm += points.mean(axis=1, keepdims=True) - calm.mean(axis=1, keepdims=True)
    return similarities(calm[:, MOUTH].mean(axis=1), turn_to_mean_face(calm))


def turn_to_mean_face(points: np.ndarray) -> np.ndarray:
    """(N, 68) complex px → (N,) complex, what turns and scales them to a mean face of ``AVSR_FACE_SCALE``."""
    stable = points[:, AVSR_STABLE]
    centred = stable - stable.mean(axis=1, keepdims=True)
    turn: np.ndarray = (centred.conj() @ _stable_on_mean_face()) / np.sum(np.abs(centred) ** 2, axis=1)
    return turn


@lru_cache
def _stable_on_mean_face() -> np.ndarray:
    """(8,) complex px, around their mean."""
    stable = AVSR_FACE_SCALE * as_complex(mean_face())[AVSR_STABLE]
    return np.asarray(stable - stable.mean())


def face(track: FaceTrack) -> np.ndarray:
    """The whole face upright at one scale, from above the brows to below the chin, unstretched.

    Size, roll and place come from the rigid points, as for ``lips``: an opening jaw moves in the crop. The
    middle 192 columns are what LatentSync's three points cut out (docs/decisions/face-256.md).
    """
    if track.landmarks is None:
        return face_from_box(track)
    pose = fit_pose(track.landmarks)
    turn = pose.smoothed(0, TURN_FRAMES).turn
    rigid = as_complex(mean_face())[list(RIGID)].mean()
    centre = pose.to_image(np.full((len(turn), 1), rigid))[:, 0] + turn * (FACE_MIDDLE_CM - rigid)
    return similarities(centre, FACE_PX_PER_CM / turn, FACE_SIZE)


def face_from_box(track: FaceTrack) -> np.ndarray:
    """``face`` of one without landmarks: upright, put where the detector declares the mouth in its box."""
    mouth, mouth_width = mouth_from_box(track)
    px_per_cm = mouth_width / MEAN_MOUTH_WIDTH_CM
    return similarities(
        mouth + (FACE_MIDDLE_CM - MEAN_MOUTH_CM) * px_per_cm, FACE_PX_PER_CM / px_per_cm + 0j, FACE_SIZE
    )


MOUTH_SIDE = MOUTH_WIDTHS * MEAN_MOUTH_WIDTH_CM * FACE_PX_PER_CM
MOUTH_MIDDLE = FACE_SIZE / 2 + FACE_PX_PER_CM * (MEAN_MOUTH_CM - FACE_MIDDLE_CM).imag
PRESETS = {
    "lips": CropPreset(lips),
    "lower-face": CropPreset(lower_face),
    "auto-avsr": CropPreset(auto_avsr, needs_landmarks=True),
    "face-256": CropPreset(
        face,
        FACE_SIZE,
        CropPart((FACE_SIZE - MOUTH_SIDE) / 2, MOUTH_MIDDLE - MOUTH_SIDE / 2, MOUTH_SIDE),
    ),
}
MOUTH_PRESETS = tuple(name for name, preset in PRESETS.items() if preset.size == CROP_SIZE)
"""Presets of crops that the lip network reads."""


def centred_means(series: np.ndarray, margin: int) -> np.ndarray:
    """Mean over ``2 margin + 1`` frames, at the ends over as many as fit evenly: (N, …) → (N, …).

    >>> centred_means(np.array([[0.0], [1], [5], [3]]), 1).ravel().tolist()
    [0.0, 2.0, 3.0, 3.0]
    """
    n = len(series)
    sums = np.concatenate([np.zeros_like(series[:1]), np.cumsum(series, axis=0)])
    frames = np.arange(n)
    reach = np.minimum(margin, np.minimum(frames, n - 1 - frames))
    return (sums[frames + reach + 1] - sums[frames - reach]) / (2 * reach + 1)[:, None]


def similarities(centre: np.ndarray, turn: np.ndarray, size: int = CROP_SIZE) -> np.ndarray:
    """Affines that bring ``centre`` to the crop's middle, turned and scaled by ``turn``: (N, 2, 3).

    centre: (N,) complex, px of the frame.
    turn: (N,) complex.
    size: height and width of the crop, px.
    """
    shift = size / 2 * (1 + 1j) - turn * centre
    return np.stack(
        [np.stack([turn.real, -turn.imag, shift.real], -1), np.stack([turn.imag, turn.real, shift.imag], -1)],
        axis=-2,
    )


def transform(affines: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N, 2, 3) and (N, P, 2) px → (N, P, 2) float32 px."""
    return (points @ affines[:, :, :2].transpose(0, 2, 1) + affines[:, None, :, 2]).astype(np.float32)
