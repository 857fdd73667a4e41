"""Detectors opened by name, one per video, so that what one remembers of a video never reaches another."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from speechlip import assets
from speechlip.errors import ModelError
from speechlip.faces.detectors.declared import Declaration, Detector, declaration
from speechlip.faces.detectors.mesh import Mesh
from speechlip.faces.detectors.registry import DETECTORS
from speechlip.records import Face, Source

SIZES_AT_ONCE = 3
Opener = Callable[[str, Source], AbstractContextManager[Detector]]
"""``open_detector``, or what stands in for it where faces are known."""
PREFERRED, ELSE = "landmarker", "cascade"
"""What ``auto`` is: the first where it can be used."""


@contextmanager
def open_detector(name: str, source: Source) -> Iterator[Detector]:
    """A detector for one video.

    ``with open_detector("landmarker", source) as detector: faces = detector.detect(image, index)``

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
    """One detector for each of the last few sizes of a video.

    A call goes back and forth between few sizes as its line gets better and worse.
    """

    def __init__(self, kind: type[Detector], source: Source) -> None:
        said = declaration(kind)
        self.name, self.has_landmarks = getattr(kind, "name", kind.__name__), said.has_landmarks
        self.mouth_in_box, self.has_mesh = said.mouth_in_box, said.has_mesh
        self._kind, self._source = kind, source
        # opened before an image comes, so that what is wrong with a model or a sidecar is said first
        self._waiting: Detector | None = kind(source)
        self._opened: dict[tuple[int, ...], Detector] = {}

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        return self._of_size(image).detect(image, index)

    def meshes(self, image: np.ndarray, index: int) -> list[Mesh]:
        """Of a kind that declares ``has_mesh``."""
        return self._of_size(image).meshes(image, index)

    def _of_size(self, image: np.ndarray) -> Any:
        detector = self._opened.pop(image.shape, None) or self._waiting or self._kind(self._source)
        self._waiting = None
        self._opened[image.shape] = detector
        if len(self._opened) > SIZES_AT_ONCE:
            self._opened.pop(next(iter(self._opened))).close()
        return detector

    def close(self) -> None:
        for detector in (*self._opened.values(), *([self._waiting] if self._waiting else [])):
            detector.close()


def declared(name: str) -> Declaration:
    """What the detector of that name declares. Raises OptionError for an unknown name."""
    kind = DETECTORS.get(name)
    with DETECTORS.guard(name):
        return declaration(kind)


def choose_detector(name: str) -> tuple[str, str]:
    """Settle which detector a run uses and fetch its model files.

    Returns its name, and a sentence to say once; empty where there is nothing to say. ``auto`` is landmarker
    where its library loads and its model is cached or can be fetched, else cascade. Raises OptionError for an
    unknown name, ModelError where its library or models are missing.
    """
    if name == "auto":
        return _choose_automatically()
    _fetch(name)
    return name, ""


def _choose_automatically() -> tuple[str, str]:
    try:
        _fetch(PREFERRED)
        with open_detector(PREFERRED, Source(Path(), "", "")):  # its native library loads only now
            pass
    except ModelError as error:
        why = f"{PREFERRED} cannot be used: {error}"
        return ELSE, f"detector {ELSE} (boxes only, no landmarks), because {why}"
    return PREFERRED, f"detector {PREFERRED}"


def _fetch(name: str) -> None:
    """Fetch the model files of a detector, after a look at its library, without which they are of no use."""
    said = declared(name)
    with DETECTORS.guard(name):
        if said.library:
            said.library.refuse_missing()
        for model in said.models:
            assets.fetch(model)


def model_hashes(name: str) -> dict[str, str]:
    """File name → SHA-256 of the model files of a detector, for the record of a run."""
    files = [assets.get(model) for model in declared(name).models]
    return {file.file_name: file.sha256 for file in files}


def packages(name: str) -> tuple[str, ...]:
    """Packages whose versions the record of a run has: the detector's library, and the package that adds
    it."""
    if name not in DETECTORS:
        return ()
    library = declared(name).library
    point = None if name in DETECTORS.built_in else DETECTORS.added()[name]
    adding = [point.dist.name] if point is not None and point.dist is not None else []
    return tuple(dict.fromkeys([*([library.package] if library else []), *adding]))
