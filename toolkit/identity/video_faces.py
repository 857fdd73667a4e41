"""Whose faces one video shows: a few images are looked at, and the faces in them told apart."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from math import ceil

import numpy as np

from speechlip.describing.appearance import measured
from speechlip.describing.head_pose import head_angles
from speechlip.faces.detectors.opening import open_detector
from speechlip.identity.clustering import clusters
from speechlip.identity.network import embedding
from speechlip.media.frames import read_frames
from speechlip.media.images.painting import Painter
from speechlip.media.info import MediaInfo
from speechlip.media.key_frames import key_frames
from speechlip.records import Face, Source
from speechlip.timing import FPS
from speechlip.wording import counted

IMAGES = 6
"""Of one video, spread over its length: the mean of six faces lies about 0.1 from that of sixty."""
ENOUGH = 3
"""Where key images give fewer faces that can be told, others are looked at, and taken if they give more."""
LONGEST_S = 60.0
"""How far into a video others than key images are looked for."""
LEAST_WIDTH_PX = 30.0
FURTHEST_TURN_DEG = 40.0
LEAST_SHARPNESS = 1.0
ONE_FACE = 0.6
"""Distance up to which faces of single images are one person's, as dlib has it; means lie nearer."""
NO_FACE, TOO_SMALL, TURNED, BLURRED = "no face", "face too small", "face turned away", "face blurred"


@dataclass(frozen=True)
class VideoFaces:
    """The people of one video.

    people: (128,) float32 each, the mean of one person's faces; the one whose face is largest first.
    seen: whether a face can be told or why not → how many there were, in all images.
    """

    people: tuple[np.ndarray, ...] = ()
    seen: dict[str, int] = field(default_factory=dict)

    @property
    def why_unknown(self) -> str:
        """Why nobody can be told, in words; empty where somebody can.

        >>> VideoFaces((), {"face too small": 5, "no face": 1}).why_unknown
        'in 6 images: face too small 5 times, no face 1 time'
        """
        if self.people:
            return ""
        images = counted(sum(self.seen.values()), "image")
        times = (f"{why} {counted(n, 'time')}" for why, n in sorted(self.seen.items()))
        return f"in {images}: {', '.join(times)}" if self.seen else "no image could be looked at"


@dataclass(frozen=True)
class Sight:
    """One face in one image: who it is, as (128,) float32, and how wide, in px."""

    embedding: np.ndarray
    width_px: float


def video_faces(source: Source, info: MediaInfo, detector: str) -> VideoFaces:
    """The people in a video. detector: one whose faces have landmarks.

    Raises SourceRefused as reading and the detector do, ModelError without the extra.
    """
    sights, seen = seen_in(source, key_images(source, info), detector)
    if len(sights) < ENOUGH:
        others, seen_there = seen_in(source, spread_images(source, info), detector)
        if len(others) >= len(sights):
            sights, seen = others, seen_there
    return VideoFaces(tuple(told_apart(sights)), dict(seen))


Images = Iterator[tuple[int, np.ndarray]]
"""Number of the frame at 25 frames/s, and (H, W, 3) uint8 RGB."""


def key_images(source: Source, info: MediaInfo) -> Images:
    """Up to ``IMAGES`` images that a video stores whole, the first of each of as many parts of it."""
    painter, last_part = Painter(), -1
    with closing(key_frames(source.path, info)) as frames:
        for at_s, frame, geometry in frames:
            part = int(at_s / info.video_duration_s * IMAGES) if info.video_duration_s else 0
            if part > last_part:
                last_part = part
                yield max(0, ceil(at_s * FPS - 0.5)), painter.paint(frame, geometry)


def spread_images(source: Source, info: MediaInfo) -> Images:
    """``IMAGES`` images of the first minute of a video, evenly spread."""
    n_frames = int(min(info.video_duration_s, LONGEST_S) * FPS)
    wanted = {int((part + 0.5) * n_frames / IMAGES) for part in range(IMAGES)}
    with closing(read_frames(source.path, info, audio=False)) as reading:
        for frame in reading:
            if frame.index in wanted and frame.image is not None:
                yield frame.index, frame.image.rgb()
            if frame.index >= max(wanted):
                return


def seen_in(source: Source, images: Images, detector: str) -> tuple[list[Sight], Counter[str]]:
    """The faces that can be told; and whether a face can be told or why not → how many there were."""
    sights: list[Sight] = []
    seen: Counter[str] = Counter()
    with open_detector(detector, source) as opened:
        for index, image in images:
            faces = opened.detect(image, index)
            whys = [why_not(image, face) for face in faces]
            seen.update(why or "can be told" for why in whys)
            seen.update([NO_FACE] if not faces else ())
            sights += [
                Sight(embedding(image, face.landmarks), float(face.box[2] - face.box[0]))
                for face, why in zip(faces, whys, strict=True)
                if not why and face.landmarks is not None
            ]
    return sights, seen


def why_not(image: np.ndarray, face: Face) -> str:
    """Why a face does not tell whose it is; empty where it does."""
    if face.landmarks is None or not np.isfinite(face.landmarks).all():
        return NO_FACE
    if face.box[2] - face.box[0] < LEAST_WIDTH_PX or np.ptp(face.landmarks, axis=0).min() <= 0:
        return TOO_SMALL
    yaw, pitch, _ = head_angles(face.landmarks[None])[0]
    if max(abs(yaw), abs(pitch)) > FURTHEST_TURN_DEG:
        return TURNED
    look = measured(image, face.box)
    return BLURRED if look is None or look.sharpness < LEAST_SHARPNESS else ""


def told_apart(sights: Sequence[Sight]) -> list[np.ndarray]:
    """One mean a person, (128,) float32: people who are seen in two images or more, the largest face first.

    Where nobody is seen twice, all count.
    """
    if not sights:
        return []
    points = np.stack([sight.embedding for sight in sights])
    group = clusters(points, ONE_FACE)
    size = np.bincount(group)
    width = np.bincount(group, [sight.width_px for sight in sights])
    kept = [int(one) for one in np.argsort(-width, kind="stable") if size[one] > 1 or size.max() == 1]
    return [points[group == one].mean(axis=0) for one in kept]
