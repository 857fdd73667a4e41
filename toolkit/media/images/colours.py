"""HDR and wide-gamut images → SDR as BT.709 shows them (docs/decisions/hdr.md).

1. Signal → light by BT.2100 (HLG with its system gamma at 1000 cd/m², PQ), or by BT.1886 where only the gamut
   is wide; in units of 203 cd/m², the white of graphics and skin's neighbourhood in HDR (BT.2408). 2. The
   gamut by its primaries. 3. What is brighter than the knee is rolled off to white by extended Reinhard
   (2002, eq. 4), all three channels alike. Faces lie below the knee. 4. Light → signal by BT.1886.
"""

import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from speechlip.timing import FPS

WHITE_NITS, PEAK_NITS = 203.0, 1000.0
KNEE = 0.8  # of white
SDR_GAMMA = 2.4
HLG_GAMMA = 1.2
HLG_A, HLG_B, HLG_C = 0.17883277, 0.28466892, 0.55991073  # BT.2100, table 5
PQ_M1, PQ_M2 = 0.1593017578125, 78.84375  # BT.2100, table 4
PQ_C1, PQ_C2, PQ_C3 = 0.8359375, 18.8515625, 18.6875
LATTICE = 49
"""Points a side, read by tetrahedra: tones of skin are at most 4 of 255 off (PQ, whose darks bend most)."""
TRANSFERS = {16: "PQ", 18: "HLG"}  # ISO/IEC 23091-2, table 3
GAMUTS = {9: "BT.2020", 11: "P3", 12: "P3"}  # ISO/IEC 23091-2, table 2
UNSPECIFIED = 2
READABLE_MATRICES = (0, 1, 2, 4, 5, 6, 7, 9)
"""ISO/IEC 23091-2, table 4: those that swscale turns into RGB; it refuses the others."""
BT601_MATRIX, BT2020_MATRIX = 5, 9
WHITE_XY = (0.3127, 0.3290)
PRIMARIES_XY = {
    "BT.709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "BT.2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "P3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}


@dataclass(frozen=True)
class Colours:
    """Colours of a frame.

    transfer: ``HLG``, ``PQ`` or ``SDR``.
    gamut: ``BT.709`` (also SDR gamuts near it), ``BT.2020`` or ``P3``.
    """

    transfer: str = "SDR"
    gamut: str = "BT.709"

    def change(self) -> str:
        """What is done to them, as a sentence; empty where nothing is."""
        if self.transfer != "SDR":
            return f"{self.transfer} → SDR"
        return f"{self.gamut} → BT.709" if self.gamut != "BT.709" else ""


SDR = Colours()


def colours_of(frame: Any) -> Colours:
    """Colours by the frame's tags. HDR without stated primaries has BT.2020's, the only ones in BT.2100."""
    transfer = TRANSFERS.get(frame.color_trc, "SDR")
    unstated = "BT.2020" if transfer != "SDR" and frame.color_primaries == UNSPECIFIED else "BT.709"
    return Colours(transfer, GAMUTS.get(frame.color_primaries, unstated))


def matrix_instead(frame: Any) -> int | None:
    """The matrix to read a frame by where its own cannot be read; None where it can.

    BT.2020's for HDR, else BT.601's.
    """
    if frame.colorspace in READABLE_MATRICES:
        return None
    return BT2020_MATRIX if frame.color_trc in TRANSFERS else BT601_MATRIX


def colour_doubts(frame: Any) -> list[str]:
    """Sentences on what a frame's tags leave open.

    A depth of more than 8 bits, which may be HDR, without a transfer; a matrix that cannot be read.
    """
    deep = max((part.bits for part in frame.format.components), default=8) > 8
    told = (
        ["more than 8 bits, transfer not stated: taken as SDR"]
        if deep and frame.color_trc == UNSPECIFIED
        else []
    )
    if (matrix := matrix_instead(frame)) is not None:
        instead = "BT.2020" if matrix == BT2020_MATRIX else "BT.601"
        told.append(f"matrix {frame.colorspace} cannot be read: taken as {instead}")
    return told


def to_sdr(signal: np.ndarray, colours: Colours) -> np.ndarray:
    """(…, 3) signal in 0–1 → (…, 3) SDR signal in 0–1.

    BT.2408's white is nearly white in SDR; what is brighter has the rest.

    >>> hlg, pq = Colours("HLG", "BT.2020"), Colours("PQ", "BT.2020")
    >>> white = to_sdr(np.full(3, 0.75), hlg), to_sdr(np.full(3, 0.58), pq)
    >>> [round(float(green), 2) for _, green, _ in white]
    [0.96, 0.96]
    """
    light = LIGHT[colours.transfer](np.asarray(signal, np.float64), colours.gamut) / WHITE_NITS
    shown = np.maximum(light @ (from_xyz("BT.709") @ to_xyz(colours.gamut)).T, 0)
    brightest = shown.max(axis=-1, keepdims=True)
    if colours.transfer != "SDR":
        shown = shown * rolled_off(brightest) / np.maximum(brightest, 1e-12)
    sdr: np.ndarray = np.clip(shown, 0, 1) ** (1 / SDR_GAMMA)
    return sdr


def rolled_off(light: np.ndarray) -> np.ndarray:
    """Light in units of white, bent above the knee so that the peak is white; its slope does not jump."""
    peak = (PEAK_NITS / WHITE_NITS - KNEE) / (1 - KNEE)
    above = np.maximum(light - KNEE, 0) / (1 - KNEE)
    return np.minimum(light, KNEE) + (1 - KNEE) * above * (1 + above / peak**2) / (1 + above)


def _hlg_light(signal: np.ndarray, gamut: str) -> np.ndarray:
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - HLG_C) / HLG_A) + HLG_B) / 12)
    luminance = scene @ to_xyz(gamut)[1]
    return PEAK_NITS * scene * np.maximum(luminance, 0)[..., None] ** (HLG_GAMMA - 1)


def _pq_light(signal: np.ndarray, gamut: str) -> np.ndarray:
    root = signal ** (1 / PQ_M2)
    light: np.ndarray = 10_000 * (np.maximum(root - PQ_C1, 0) / (PQ_C2 - PQ_C3 * root)) ** (1 / PQ_M1)
    return light


def _sdr_light(signal: np.ndarray, gamut: str) -> np.ndarray:
    light: np.ndarray = WHITE_NITS * signal**SDR_GAMMA
    return light


LIGHT = {"HLG": _hlg_light, "PQ": _pq_light, "SDR": _sdr_light}


def to_xyz(gamut: str) -> np.ndarray:
    """(3, 3): linear RGB of a gamut → XYZ, white D65 at Y = 1 (SMPTE RP 177).

    >>> to_xyz("BT.2020")[1].round(4).tolist()  # the weights of luminance in BT.2020
    [0.2627, 0.678, 0.0593]
    """
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in PRIMARIES_XY[gamut]]).T
    x, y = WHITE_XY
    return columns * np.linalg.solve(columns, np.array([x / y, 1, (1 - x - y) / y]))


def from_xyz(gamut: str) -> np.ndarray:
    """(3, 3): XYZ → linear RGB of a gamut."""
    return np.linalg.inv(to_xyz(gamut))


@lru_cache
def lattice(colours: Colours) -> str:
    """``to_sdr`` as the text of a ``.cube`` file, red fastest."""
    level = np.linspace(0, 1, LATTICE)
    blue, green, red = np.meshgrid(level, level, level, indexing="ij")
    values = to_sdr(np.stack([red, green, blue], axis=-1).reshape(-1, 3), colours)
    return f"LUT_3D_SIZE {LATTICE}\n" + "".join(f"{r:.6f} {g:.6f} {b:.6f}\n" for r, g, b in values.tolist())


LUT3D_VALUES = 16
"""FFmpeg's lut3d takes the values of a row by 8 or 16, also those behind its end; where these are not finite
it reads outside of its table."""


class ToneMapper:
    """FFmpeg's lut3d for images of one size and one kind of colours: gbrpf32le frame → (H, W, 3) uint8 RGB.

    12 ms for 1080 × 1920.
    """

    def __init__(self, colours: Colours, width: int, height: int) -> None:
        self._width, self._row_width = width, -(-width // LUT3D_VALUES) * LUT3D_VALUES
        self._graph = av.filter.Graph()
        self._graph.threads = 1
        source = self._graph.add(
            "buffer",
            f"video_size={self._row_width}x{height}:pix_fmt=gbrpf32le:time_base=1/{FPS}:pixel_aspect=1/1",
        )
        file, path = tempfile.mkstemp(suffix=".cube", prefix="speechlip-")
        try:
            with os.fdopen(file, "w") as text:
                text.write(lattice(colours))
            mapper = self._graph.add("lut3d", file=path, interp="tetrahedral")  # reads the file now
        finally:
            Path(path).unlink()
        sink = self._graph.add("buffersink")
        source.link_to(mapper)
        mapper.link_to(sink)
        self._graph.configure()

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        import cv2

        frame.pts = None
        self._graph.push(frame if self._row_width == self._width else _widened(frame, self._row_width))
        mapped: Any = self._graph.pull()
        green, blue, red = (
            cv2.convertScaleAbs(row[:, : self._width], alpha=255) for row in map(_values, mapped.planes)
        )
        return np.asarray(cv2.merge([red, green, blue])).reshape(mapped.height, self._width, 3)


def _values(plane: Any) -> np.ndarray:
    return np.frombuffer(plane, np.float32).reshape(plane.height, -1)


def _widened(frame: av.VideoFrame, width: int) -> av.VideoFrame:
    """The frame with black added at its right."""
    wide = av.VideoFrame(width, frame.height, frame.format.name)
    for plane, source in zip(wide.planes, frame.planes, strict=True):
        _values(plane)[:] = 0
        _values(plane)[:, : frame.width] = _values(source)[:, : frame.width]
    return wide
