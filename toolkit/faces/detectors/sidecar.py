"""Landmarks in a ``.npz`` beside the video (docs/sidecar.md): exact ones, or those of a tracker."""

import io
import zipfile
from pathlib import Path

import numpy as np

from speechlip.errors import ReadError, SourceRefused
from speechlip.files.reading import read_bytes
from speechlip.records import Face, Source
from speechlip.timing import FPS

FOREHEAD = 0.22
"""From the highest of the 68 points up to the hairline, in heights of the 68 points, so that the box holds
what a face detector's box holds. MediaPipe's canonical face: (8.26 − 5.11) / 14.51."""
ROUNDING_S = 0.001
"""Containers round presentation times to a millisecond."""


class SidecarDetector:
    """At most one face a frame, read from the source's sidecar; its ``score`` is 1.0."""

    name = "sidecar"
    has_landmarks = True

    def __init__(self, source: Source) -> None:
        if source.landmarks_path is None:
            raise SourceRefused(
                "faces",
                "no sidecar",
                "detector sidecar needs a .npz with landmarks beside the video (docs/sidecar.md)",
            )
        self._landmarks, self._time_s = read_sidecar(source.landmarks_path)
        self._frame_s = float(np.median(np.diff(self._time_s))) if len(self._time_s) > 1 else 1 / FPS

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        """The row on display at the middle of frame ``index``, as ``media`` shows it; none where it is
        over."""
        time_s = (index + 0.5) / FPS
        row = int(np.searchsorted(self._time_s, time_s + ROUNDING_S, side="right")) - 1
        if (
            row < 0
            or time_s - self._time_s[row] > self._frame_s + ROUNDING_S
            or np.isnan(self._landmarks[row]).any()
        ):
            return []
        return [Face(face_box(self._landmarks[row]), 1.0, self._landmarks[row])]

    def close(self) -> None:
        pass


def read_sidecar(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(landmarks, time_s) of a sidecar. Raises SourceRefused.

    landmarks: (N, 68, 2) float32 px, NaN where there is no face.
    time_s: (N,) float64, rising.
    """
    try:
        with np.load(io.BytesIO(read_bytes(path)), allow_pickle=False) as content:
            landmarks, time_s = content["landmarks"], content["time_s"]
    except ReadError:
        raise
    except FileNotFoundError as error:
        raise SourceRefused("faces", "no sidecar", f"{path.name} is not there") from error
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        wanted = "wanted an .npz with the arrays landmarks and time_s"
        raise SourceRefused("faces", "bad sidecar", f"{path.name}: {wanted} ({error})") from error
    if problem := what_is_wrong(landmarks, time_s):
        raise SourceRefused("faces", "bad sidecar", f"{path.name}: {problem}")
    return landmarks.astype(np.float32), time_s.astype(np.float64)


def what_is_wrong(landmarks: np.ndarray, time_s: np.ndarray) -> str:
    """The first fault of a sidecar's arrays as a sentence; empty where there is none.

    >>> what_is_wrong(np.zeros((2, 68, 2), np.float32), np.array([0.04, 0.0]))
    'time_s must rise from row to row'
    """
    if landmarks.dtype.kind != "f" or landmarks.ndim != 3 or landmarks.shape[1:] != (68, 2):
        return f"landmarks are {landmarks.dtype} {landmarks.shape}, wanted float32 (N, 68, 2)"
    if time_s.dtype.kind != "f" or time_s.shape != landmarks.shape[:1] or not len(time_s):
        wanted = f"float64 ({len(landmarks)},), and at least one row"
        return f"time_s is {time_s.dtype} {time_s.shape}, wanted {wanted}"
    if not np.isfinite(time_s).all() or np.any(np.diff(time_s) <= 0):
        return "time_s must rise from row to row"
    return ""


def face_box(landmarks: np.ndarray) -> np.ndarray:
    """The box that a face detector would give, hairline to chin: (68, 2) px → (4,) float32 x0 y0 x1 y1."""
    (x0, y0), (x1, y1) = landmarks.min(axis=0), landmarks.max(axis=0)
    return np.array([x0, y0 - FOREHEAD * (y1 - y0), x1, y1], np.float32)
