"""Face detectors by name.

One is opened per video, so that what it remembers of one video never reaches another.

A detector is called once per 25-fps frame, in order, and gives the faces of that frame in pixels of the full
displayed frame: continuous coordinates in which the pixel in column j and row i covers [j, j + 1) × [i, i +
1).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from speechlip import assets
from speechlip.errors import ModelError
from speechlip.faces.libraries import refuse_missing
from speechlip.faces.registry import DETECTORS
from speechlip.records import Face, Source

SIZES_AT_ONCE = 3
MODELS = {"mediapipe": ("face_landmarker",), "face-alignment": ("s3fd", "fan")}


class Detector(Protocol):
    """What a detector is.

    ``has_landmarks``: whether its faces carry the 68 points (crop preset ``auto-avsr`` needs them).
    """

    name: str
    has_landmarks: bool

    def __init__(self, source: Source) -> None: ...

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        """Faces in ``image``, (H, W, 3) uint8 RGB, which is 25-fps frame ``index``; indices only rise."""

    def close(self) -> None:
        """Give back what the detector holds."""


@contextmanager
def open_detector(name: str, source: Source) -> Iterator[Detector]:
    """A detector for one video: ``with open_detector("mediapipe", source) as detector: detector.detect(image,
    index)``.

    Where the video changes its size another one is opened, because what a detector remembers is in pixels of
    one size. Raises OptionError for an unknown name, ModelError for a missing model or library, SourceRefused
    for a bad or missing sidecar.
    """
    kind: type[Detector] = DETECTORS.get(name)
    with DETECTORS.guard(name):
        detector = _OnePerSize(kind, source)
    try:
        yield detector
    finally:
        detector.close()


class _OnePerSize:
    """A few detectors, the last used last: a call goes back and forth between few sizes as its line gets
    better and worse.
    """

    def __init__(self, kind: type[Detector], source: Source) -> None:
        self.name, self.has_landmarks = getattr(kind, "name", kind.__name__), kind.has_landmarks
        self._kind, self._source = kind, source
        self._waiting: Detector | None = kind(
            source
        )  # what is wrong with a model or a sidecar is said before an image comes
        self._opened: dict[tuple[int, ...], Detector] = {}

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        detector = self._opened.pop(image.shape, None) or self._waiting or self._kind(self._source)
        self._waiting = None
        self._opened[image.shape] = detector
        if len(self._opened) > SIZES_AT_ONCE:
            self._opened.pop(next(iter(self._opened))).close()
        return detector.detect(image, index)

    def close(self) -> None:
        for detector in (*self._opened.values(), *([self._waiting] if self._waiting else [])):
            detector.close()


def choose_detector(name: str) -> tuple[str, str]:
    """Settle which detector a run uses, its model files fetched.

    Returns its name and the sentence to print once (``""``: nothing to say).

    ``auto`` is mediapipe where its library loads and its model is cached or can be fetched, else cascade. Any
    other name is taken as it is: raises OptionError when it is unknown, ModelError when its models are
    missing and cannot be fetched.
    """
    if name == "auto":
        return _choose_automatically()
    if name not in DETECTORS:
        raise DETECTORS.no_such(name)
    if name == "face-alignment":
        refuse_missing("face_alignment")  # before 185 MB are fetched for it
    for model in MODELS.get(name, ()):
        assets.fetch(model)
    return name, ""


def _choose_automatically() -> tuple[str, str]:
    try:
        assets.fetch("face_landmarker")
        with open_detector("mediapipe", Source(Path(), "", "")):  # its native library loads only now
            pass
    except ModelError as error:
        return (
            "cascade",
            f"detector cascade (boxes only, no landmarks), because mediapipe cannot be used: {error}",
        )
    return "mediapipe", "detector mediapipe"
