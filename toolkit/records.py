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
    p: of a model that judges landmarks: how often other audio does as well; else None.
    model: name of the sync model, empty in ledgers of older releases.
    """

    confidence: float | None = None
    distance: float | None = None
    offset_frames: int | None = None
    refusal: str = ""
    detail: str = ""
    delay_frames: int = 0
    offset_verdict: str = ""
    p: float | None = None
    model: str = ""


@dataclass(frozen=True)
class Phone:
    """One aligned phone; times in seconds of whatever it belongs to (the source, or the clip once cut).

    phone: the label, ARPAbet from our own alignment.
    source: what gave it: ``textgrid``, ``align``, ``gentle``, ``pocketsphinx-align``,
    ``pocketsphinx-allphone`` (recognised, without a transcript), with ``+espeak`` where espeak-ng pronounced
    the word; empty where nobody says.
    score: mean log-likelihood of a frame of 10 ms below the best of all, in nats, 0 at best; None where there
    is none.
    """

    start_s: float
    end_s: float
    phone: str
    source: str = ""
    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class ClipQuality:
    """What is measured of a clip's face and sync, beside its width in px.

    None where it is not known: angles, movement and blinks need landmarks, sync a sync filter.

    face_width_share: median width of the face box in widths of the frame.
    mouth_inside_share: how much of the mouth crop lies in the frame, mean over frames; the rest repeats its
        border. In a face crop: of the part that a mouth crop would show.
    face_inside_share: how much of a face crop lies in the frame, mean over frames.
    interpolated_share: frames in which the face was not seen but interpolated.
    yaw_deg: median turn of the head, above 0 to the image's right.
    yaw_min_deg: furthest turn to the image's left.
    yaw_max_deg: furthest turn to the image's right.
    pitch_deg: median turn of the head, above 0 upwards.
    pitch_min_deg: furthest turn downwards.
    pitch_max_deg: furthest turn upwards.
    roll_deg: median lean of the head, above 0 clockwise in the image.
    roll_min_deg: furthest lean anticlockwise.
    roll_max_deg: furthest lean clockwise.
    head_movement_per_s: mean speed of the head in the image, in face widths a second.
    sharpness: median variance of the Laplacian of the face at 256 px of width.
    brightness: median of the face's mean luma, 0 to 255.
    brisque: median BRISQUE of the face at 256 px of width, by a fit of the user's; lower is more natural.
    blinks_per_minute: dips of the eyes' opening; a clip of few seconds says little.
    talkvid_avg_movement, talkvid_min_movement: of points that keep still from second to second, 0 to 100.
    talkvid_avg_rotation, talkvid_min_rotation: of a head that turns little from second to second, to 100.
    talkvid_avg_completeness, talkvid_min_completeness: of eyes, nose and mouth inside the frame, 0 to 100.
    talkvid_avg_resolution, talkvid_min_resolution: 30 times the face box's percent of the frame.
    talkvid_avg_orientation, talkvid_min_orientation: of a head turned to the camera, to 100.
    talkvid_face_consistency: 100, less 20 for each second that does not begin with exactly one face.
    sync_confidence: of the sync model, before audio was moved.
    sync_distance: of the sync model, at its best offset.
    sync_offset_frames: of the sync model, above 0 the audio is early, before it was moved.
    sync_p: of the sync models phones and self: share of other audio that does as well by chance.
    sync_model: that measured these.
    sync_verdict: whether that offset may be acted on.
    """

    face_width_share: float | None = None
    mouth_inside_share: float | None = None
    face_inside_share: float | None = None
    interpolated_share: float | None = None
    yaw_deg: float | None = None
    yaw_min_deg: float | None = None
    yaw_max_deg: float | None = None
    pitch_deg: float | None = None
    pitch_min_deg: float | None = None
    pitch_max_deg: float | None = None
    roll_deg: float | None = None
    roll_min_deg: float | None = None
    roll_max_deg: float | None = None
    head_movement_per_s: float | None = None
    sharpness: float | None = None
    brightness: float | None = None
    brisque: float | None = None
    blinks_per_minute: float | None = None
    talkvid_avg_movement: float | None = None
    talkvid_min_movement: float | None = None
    talkvid_avg_rotation: float | None = None
    talkvid_min_rotation: float | None = None
    talkvid_avg_completeness: float | None = None
    talkvid_min_completeness: float | None = None
    talkvid_avg_resolution: float | None = None
    talkvid_min_resolution: float | None = None
    talkvid_avg_orientation: float | None = None
    talkvid_min_orientation: float | None = None
    talkvid_face_consistency: float | None = None
    sync_confidence: float | None = None
    sync_distance: float | None = None
    sync_offset_frames: int | None = None
    sync_p: float | None = None
    sync_model: str | None = None
    sync_verdict: str | None = None


@dataclass(frozen=True)
class Clip:
    """One span of one face within one shot, ready to be written as a sample.

    source: the video that it is cut from.
    track: number of the face in the source.
    start_frame: first 25-fps frame in the source.
    lips: (T, S, S, 3) uint8 RGB, S × S px: 96, or 256 of whole faces (crop ``face-256``).
    audio: (640 T,) int16, 16 kHz mono.
    landmarks: (T, 20, 2) float32 mouth points in crop pixels, or None.
    phones: in clip time, or None where the dataset carries none.
    face_score: mean detector score in [0, 1].
    face_width_px: median width of the face box in the source's pixels.
    interpolated_frames: how many frames of the face were interpolated.
    delay_frames: by how much the audio was moved later to fit the lips.
    faces_max, faces_median: faces in these frames at once, this one among them.
    quality: what is measured of it.
    faces: (T,) int32, faces in each of its frames, this one among them; None: nobody counted.
    speech: (T,) bool, in which frames somebody speaks; None: listened for in ``audio`` when it is written.
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
    quality: ClipQuality = field(default=ClipQuality(), repr=False)
    speech: np.ndarray | None = field(default=None, repr=False)
    faces: np.ndarray | None = field(default=None, repr=False)
