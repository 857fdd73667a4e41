"""What harms are made of: the first seconds of a clip, its landmarks, and audio that is not its own."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from speechlip.errors import SourceRefused
from speechlip.judging.recall import KnownFaces, find_faces
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.media.whole_audio import read_audio
from speechlip.metrics.declared import NotScored
from speechlip.timing import FPS, SAMPLES_PER_FRAME

NOTHING: np.ndarray = np.zeros(0, np.int16)
LEAST_APART_S = 1.0
"""Between the part of a clip that is judged and the part whose speech is put in its place."""


@dataclass(frozen=True)
class Material:
    """A clip as harms take it.

    images: (T, H, W, 3) uint8 RGB, 25 a second, H and W even.
    audio: (640 T,) int16 at 16 kHz; empty where the clip has none.
    landmarks: (T, 68, 2) px, NaN in frames without a face; None where they are not known.
    elsewhere: (640 T,) int16, the end of the same recording; empty where that is too short.
    foreign: (640 T,) int16, the beginning of another clip's audio; empty where there is none.
    faces: of the frames; None where they were not looked for.
    """

    images: np.ndarray
    audio: np.ndarray
    landmarks: np.ndarray | None = None
    elsewhere: np.ndarray = field(default_factory=lambda: NOTHING)
    foreign: np.ndarray = field(default_factory=lambda: NOTHING)
    faces: KnownFaces | None = None


def read_material(
    path: Path,
    seconds: float,
    side_px: int,
    others: Iterable[Path] = (),
    detector: str = "",
    max_picture_px: int = MAX_PICTURE_PX,
    with_mesh: bool = False,
) -> Material:
    """The first ``seconds`` of a video.

    side_px: the longer side of the frames at most; larger ones are scaled down. 0: as they are.
    others: clips whose audio may be put in place of its own; the first that has some is taken.
    detector: what finds faces and landmarks; empty: they are not looked for.
    max_picture_px: a video whose frames have more pixels is refused.
    with_mesh: whether the meshes of its faces are kept as well.

    Raises SourceRefused where the video cannot be read.
    """
    info = probe(path, need_audio=False, max_picture_px=max_picture_px)
    with closing(read_frames(path, info, audio=False)) as reading:
        shown = [frame.rgb() for frame in islice(reading, round(seconds * FPS))]
    images = _of_one_size(shown, side_px)
    if not len(images):
        raise SourceRefused("read", "no decodable picture", path.name)
    whole = read_audio(path, max_picture_px).samples if info.audio_codec else NOTHING
    length = len(images) * SAMPLES_PER_FRAME
    faces = find_faces(images, detector, with_mesh) if detector else None
    apart = len(whole) - length >= LEAST_APART_S * FPS * SAMPLES_PER_FRAME
    return Material(
        images,
        whole[:length],
        faces.landmarks if faces else None,
        whole[-length:] if apart else NOTHING,
        _audio_of_another(others, length, max_picture_px),
        faces,
    )


def require_audio(material: Material) -> np.ndarray:
    """The clip's audio. Raises NotScored where it has none."""
    if not len(material.audio):
        raise NotScored("no audio", "the clip has none to harm")
    return material.audio


def _of_one_size(shown: list[np.ndarray | None], side_px: int) -> np.ndarray:
    """Frames of the size of the first one, scaled; a frame without an image repeats the one before."""
    import cv2

    known = [image for image in shown if image is not None]
    if not known:
        return np.zeros((0, 2, 2, 3), np.uint8)
    height, width = known[0].shape[:2]
    scale = min(1.0, side_px / max(height, width)) if side_px else 1.0
    size = tuple(max(2, round(side * scale) // 2 * 2) for side in (width, height))
    images, last = [], known[0]
    for image in shown:
        last = last if image is None else image
        images.append(
            last if last.shape[1::-1] == size else cv2.resize(last, size, interpolation=cv2.INTER_AREA)
        )
    return np.stack(images)


def _audio_of_another(others: Iterable[Path], length: int, max_picture_px: int) -> np.ndarray:
    """The first ``length`` samples of the first clip that has audio, repeated where it is shorter."""
    for path in others:
        try:
            samples = read_audio(path, max_picture_px).samples
        except SourceRefused:
            continue
        if samples.any():
            return np.resize(samples, length)
    return NOTHING
