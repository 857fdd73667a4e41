"""The frozen records that travel down the line. Units stand in field names; arrays state shape and dtype."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

LANDMARKS_ENDING = ".landmarks.npz"
"""Of the file beside ``x.mp4`` that holds its landmarks (docs/sidecar.md)."""


@dataclass(frozen=True)
class Source:
    """One video as a recipe yields it.

    path: the file.
    name: unique within the dataset: the POSIX path relative to its root.
    speaker: who speaks.
    split: an official split, or None where there is none.
    licence: of this video.
    transcript: what is said, or empty.
    phones_path: a TextGrid or ``.align`` with the phone times, or None.
    landmarks_path: a ``sidecar`` file (docs/sidecar.md), or None.
    refusal: why the recipe hands out no file for it, a short phrase that is counted; empty where ``path`` is
    to be read.
    refusal_detail: the sentence for a person.
    more: further texts by name, the same names for every source of a dataset; they go into the ``json`` of
    its samples.

    A path given as text becomes a ``Path``.
    """

    path: Path
    name: str
    speaker: str
    split: str | None = None
    licence: str = "unknown"
    transcript: str = ""
    phones_path: Path | None = None
    landmarks_path: Path | None = None
    refusal: str = ""
    refusal_detail: str = ""
    more: dict[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name in ("path", "phones_path", "landmarks_path"):
            if isinstance(value := getattr(self, name), str):
                object.__setattr__(self, name, Path(value))


@dataclass(frozen=True)
class Face:
    """One face in one frame, in pixels of the full displayed frame.

    box: (4,) float32 ``x0 y0 x1 y1``.
    score: in [0, 1].
    landmarks: (68, 2) float32 in the 68-point convention, or None.
    """

    box: np.ndarray
    score: float
    landmarks: np.ndarray | None = None


@dataclass(frozen=True)
class MouthPlace:
    """Where the mouth is in a detector's box, in shares of its width and height from its upper left corner.

    x, y: centre.
    width: of the mouth.
    """

    x: float
    y: float
    width: float


@dataclass(frozen=True)
class FaceTrack:
    """One face over the 25-fps frames ``start_frame … start_frame + N - 1``, within one shot.

    start_frame: its first.
    boxes: (N, 4) float32, ``x0 y0 x1 y1``, in pixels of the full displayed frame.
    scores: (N,) float32 in [0, 1].
    interpolated: (N,) bool, True where no detector saw the face and the values are interpolated.
    landmarks: (N, 68, 2) float32, or None.
    mouth_in_box: what the detector declares of its boxes, or None.
    """

    start_frame: int
    boxes: np.ndarray
    scores: np.ndarray
    interpolated: np.ndarray
    landmarks: np.ndarray | None = None
    mouth_in_box: MouthPlace | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def stop_frame(self) -> int:
        return self.start_frame + len(self)


UNDECIDED = "undecided"
"""How the verdict on an offset begins that must not be acted on."""


@dataclass(frozen=True)
class SyncVerdict:
    """What a sync model said of one track.

    confidence, distance: None where it could not be scored.
    offset_frames: > 0: the audio is early; None where it could not be scored.
    refusal: why the track is not kept, empty where it is.
    detail: the sentence for a person.
    delay_frames: by how much its audio is moved later.
    offset_verdict: whether the offset may be acted on (``scoring.sync.verdict``), empty where it could not be
    scored.
    """

    confidence: float | None = None
    distance: float | None = None
    offset_frames: int | None = None
    refusal: str = ""
    detail: str = ""
    delay_frames: int = 0
    offset_verdict: str = ""


@dataclass(frozen=True)
class Phone:
    """One aligned phone; times in seconds of whatever it belongs to (the source, or the clip once cut)."""

    start_s: float
    end_s: float
    phone: str


@dataclass(frozen=True)
class Clip:
    """One span of one face within one shot, ready to be written as a sample.

    source: the video that it is cut from.
    track: number of the face in the source.
    start_frame: first 25-fps frame in the source.
    lips: (T, 96, 96, 3) uint8 RGB.
    audio: (640 T,) int16, 16 kHz mono.
    landmarks: (T, 20, 2) float32 mouth points in crop pixels, or None.
    phones: in clip time, or None where the dataset carries none.
    face_score: mean detector score in [0, 1].
    face_width_px: median width of the face box in the source's pixels.
    interpolated_frames: how many frames of the face were interpolated.
    delay_frames: by how much the audio was moved later to fit the lips.
    faces_max, faces_median: faces in these frames at once, this one among them.
    """

    source: Source
    track: int
    start_frame: int
    lips: np.ndarray = field(repr=False)
    audio: np.ndarray = field(repr=False)
    landmarks: np.ndarray | None = field(repr=False)
    phones: tuple[Phone, ...] | None = field(repr=False)
    face_score: float
    face_width_px: float
    interpolated_frames: int
    delay_frames: int = 0
    faces_max: int = 1
    faces_median: float = 1.0
