"""Arrays of a clip as images: mouths on one sheet, a spectrogram in colours."""

import base64
import io
from functools import cache

import numpy as np

from speechlip.format import CROP_SIZE

CELL, COLUMNS = 72, 20
"""Side of a mouth on a sheet in pixels, and mouths in a row; WebP ends at 16383 px."""
WEBP_QUALITY = 60
RANGE_DB = 70
"""What lies so far below a clip's loudest point is black."""
SPECTRUM_ROWS = 128


def sheet(lips: np.ndarray) -> np.ndarray:
    """All crops, (T, S, S, 3) uint8, made smaller and laid out in rows: (72 ⌈T / 20⌉, 1440, 3) uint8.

    Frame i stands in row i // 20, column i % 20.
    """
    rows = -(-len(lips) // COLUMNS)
    cells = np.zeros((rows * COLUMNS, CELL, CELL, 3), np.uint8)
    for number, mouth in enumerate(lips):
        cells[number] = resized(mouth, CELL)
    return cells.reshape(rows, COLUMNS, CELL, CELL, 3).swapaxes(1, 2).reshape(rows * CELL, COLUMNS * CELL, 3)


def resized(crop: np.ndarray, size: int) -> np.ndarray:
    """(S, S, 3) uint8 → (size, size, 3) uint8."""
    from PIL import Image

    if len(crop) == size:
        return crop
    return np.asarray(Image.fromarray(crop).resize((size, size), Image.Resampling.LANCZOS))


def levels(spectrogram: np.ndarray, loudest: float | None = None) -> np.ndarray:
    """(N, F) magnitudes → (N, F) uint8: 255 at ``loudest`` (None: the loudest there is), 0 from 70 dB below
    it.

    >>> levels(np.array([[1.0, 0.1, 0.0]])).tolist()
    [[255, 182, 0]]
    """
    magnitude = np.nan_to_num(np.asarray(spectrogram, np.float32), nan=0.0, posinf=0.0)
    top = float(magnitude.max(initial=0)) if loudest is None else loudest
    below_db = 20 * np.log10(np.maximum(magnitude, 1e-9) / max(top, 1e-9))
    return np.rint(255 * np.clip(1 + below_db / RANGE_DB, 0, 1)).astype(np.uint8)


def coloured(spectrum: np.ndarray, width: int | None = None, height: int = SPECTRUM_ROWS) -> np.ndarray:
    """(N, F) levels → (height, width, 3) uint8: time to the right, low frequencies below, matplotlib's magma;
    width None: one pixel a column.
    """
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(spectrum.T[::-1]))
    return _magma()[np.asarray(image.resize((width or len(spectrum), height), Image.Resampling.BOX))]


def webp(image: np.ndarray) -> str:
    """(H, W, 3) uint8 as base64 of a WebP."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=WEBP_QUALITY)
    return as_base64(buffer.getvalue())


def points(landmarks: np.ndarray, size: int = CROP_SIZE) -> str:
    """(T, 20, 2) mouth points in pixels of a crop of ``size`` as base64 of (T, 20, 2) bytes: half pixels of a
    crop of 96, what lies outside moved to the border.
    """
    scale = 2 * CROP_SIZE / size
    halves = np.clip(np.nan_to_num(np.asarray(landmarks, np.float32)) * scale, 0, 191)
    return as_base64(np.rint(halves).astype(np.uint8).tobytes())


def as_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@cache
def _magma() -> np.ndarray:
    from matplotlib import colormaps

    return colormaps["magma"](np.arange(256), bytes=True)[:, :3]
