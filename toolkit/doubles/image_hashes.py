"""What images look like, as 64 bits each: a re-encoded or mirrored copy has nearly the same.

The signs of the 63 lowest frequencies of a cosine transform of the image at 32 × 32 px (pHash: Zauner 2010,
signs instead of the median). Mirroring turns the signs of the frequencies that are odd across, so the hash of
the mirrored image is known without looking.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from speechlip.media.info import MediaInfo
from speechlip.media.key_frames import key_frames

SIDE_PX, FREQUENCIES = 32, 8
STEP_S, MOST_IMAGES = 2.0, 64
"""At least so far apart, and so many of one video, spread over its length."""
ODD_ACROSS = int(sum(1 << bit for bit in range(1, FREQUENCIES**2, 2)))
"""Bits that change where left and right are exchanged: bit 8 v + u of the frequency u across, v down."""


@dataclass(frozen=True)
class ImageHashes:
    """Hashes of some images of one video.

    values: (N,) uint64.
    times_s: (N,) float32, since the first image.
    """

    values: np.ndarray
    times_s: np.ndarray

    def __len__(self) -> int:
        return len(self.values)


NO_IMAGES = ImageHashes(np.zeros(0, np.uint64), np.zeros(0, np.float32))


def image_hash(grey: np.ndarray) -> int:
    """64 bits of an image. grey: (32, 32), of any range."""
    frequencies = cosines() @ grey.astype(np.float32) @ cosines().T
    bits = (frequencies > 0).ravel()
    bits[0] = False  # the mean
    return int(np.packbits(bits, bitorder="little").view("<u8")[0])


@lru_cache
def cosines() -> np.ndarray:
    """(8, 32) float32: the first rows of the discrete cosine transform."""
    n = np.arange(SIDE_PX) + 0.5
    return np.cos(np.pi / SIDE_PX * np.arange(FREQUENCIES)[:, None] * n).astype(np.float32)


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How many of 64 bits differ, as the images are or one of them mirrored, the fewer. uint64 arrays."""
    turned = np.bitwise_count(one ^ other ^ np.uint64(ODD_ACROSS))
    return np.minimum(np.bitwise_count(one ^ other), turned)


def key_image_hashes(path: Path, info: MediaInfo) -> ImageHashes:
    """Hashes of some of the images that a video stores whole; no other image is decoded.

    Raises SourceRefused as reading does.
    """
    step_s = max(STEP_S, info.video_duration_s / MOST_IMAGES)
    values: list[int] = []
    times_s: list[float] = []
    for at_s, grey in key_images(path, info):
        if not times_s or at_s >= times_s[-1] + step_s:
            values.append(image_hash(grey))
            times_s.append(at_s)
    return ImageHashes(np.array(values, np.uint64), np.array(times_s, np.float32))


def key_images(path: Path, info: MediaInfo) -> Iterator[tuple[float, np.ndarray]]:
    """Seconds since the first image, and the image as displayed, (32, 32) uint8 grey."""
    with closing(key_frames(path, info)) as frames:
        for at_s, frame, geometry in frames:
            try:
                small = frame.reformat(SIDE_PX, SIDE_PX, "gray", interpolation="AREA")
            except (OSError, ValueError):  # colours that swscale cannot convert: the audio alone speaks
                continue
            yield at_s, geometry.upright(small.to_ndarray())
