"""Faces with landmarks, each followed from frame to frame by its own points.

The detection network sees the whole frame where no face is known, where one is lost, and every few frames for
new faces. In between only the landmark network runs, once a face, in the region that its last points give:
faster, and steadier, than a region detected anew (docs/decisions/landmarks-by-litert.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from speechlip import assets
from speechlip.faces.detectors.declared import MAX_FACES
from speechlip.faces.detectors.landmarker import regions
from speechlip.faces.detectors.landmarker.networks import open_networks
from speechlip.faces.detectors.landmarker.regions import Region
from speechlip.faces.detectors.mesh import Mesh
from speechlip.faces.detectors.second_look import SecondLook, around
from speechlip.libraries import Library
from speechlip.records import Face, Source

LEAST_PRESENCE = 0.5
"""As in MediaPipe's Face Landmarker."""
DETECT_EVERY = 5
"""Frames: new faces are seen within 0.2 s."""
PROBATION, PATIENCE = 5, 5
"""Frames in a row: in all of them the detector has to see a new face, and in one of them a known one. What is
no face is often seen once, and the landmark network believes in it as long as it is shown it."""
SETTLE = 4
"""Looks at a new face, each in the region that the last one's points give; after four, points move by less
than 0.3 px when looked at again."""
THUMBNAIL_STEP = 8
LARGEST_CHANGE = 32.0
"""Mean absolute difference, 0–255, of a face's region from one frame to the next. Where it is larger (a cut,
a flash, a thrown head), the face is lost, and new where the detector sees it."""


@dataclass(frozen=True)
class Followed:
    """A face as it was in the last frame.

    mesh: its points.
    thumbnail: (32, 32, 3) int16, what the region around it showed.
    seen: frames in which the detector saw it in the whole image.
    missed: frames since, in which the detector did not see it, neither there nor in a closer look.
    """

    mesh: Mesh
    thumbnail: np.ndarray
    seen: int = 0
    missed: int = 0

    @cached_property
    def region(self) -> Region:
        """Where to look for it next."""
        return regions.of_points(self.mesh.points)

    def is_in(self, others: Sequence[Region]) -> bool:
        return any(self.region.same_face(other) for other in others)

    @property
    def doubtful(self) -> bool:
        """Whether the detector has to look in every frame."""
        return self.seen < PROBATION or self.missed > 0

    def looked_for(self, seen: bool, seen_closer: bool) -> "Followed":
        """After a look of the detector at the whole image, and maybe at its surroundings."""
        return replace(self, seen=self.seen + seen, missed=0 if seen or seen_closer else self.missed + 1)

    @property
    def given_up(self) -> bool:
        return self.missed >= (PATIENCE if self.seen >= PROBATION else 1)


class LandmarkerDetector:
    """Faces with landmarks; ``score`` is the landmark network's presence: its probability, 0.5 to 1, that its
    points are on a face.

    A frame's points depend on the frames before it. Begun at a later frame they differ by up to 0.5 % of the
    face's width there, and by less than 0.1 % three frames later.
    """

    name = "landmarker"
    has_landmarks = True
    has_mesh = True
    models = ("face_landmarker",)
    library = Library("ai_edge_litert", package="ai-edge-litert")

    def __init__(self, source: Source) -> None:
        self.library.refuse_missing()
        self._detector, self._landmarks = open_networks(assets.path("face_landmarker"))
        self._second_look = SecondLook(lambda part: self._settled(part, self._detected(part)))
        self._followed: list[Followed] = []
        self._stretch = -1
        """``DETECT_EVERY`` frames are a stretch; in the first that is shown of each, the detector looks."""

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        return [mesh.face() for mesh in self.meshes(image, index)]

    def meshes(self, image: np.ndarray, index: int) -> list[Mesh]:
        """The faces of ``detect``, with all 478 points."""
        kept = self._follow(image)
        new: list[Mesh] = []
        lost, stretch = len(kept) < len(self._followed), index // DETECT_EVERY
        if not kept or lost or stretch != self._stretch or any(face.doubtful for face in kept):
            kept, new = self._looked_for(image, kept)
        if not kept and not new:
            new = self._second_look.find(image, index)
        self._followed = kept + [self._begin(image, mesh) for mesh in new]
        self._stretch = stretch
        meshes = [face.mesh for face in self._followed]
        self._second_look.remember(meshes, index)
        return meshes

    def close(self) -> None:
        del self._detector, self._landmarks

    def _follow(self, image: np.ndarray) -> list[Followed]:
        """The faces of the last frame that are still there; of two that became one, the one known longer."""
        kept: list[Followed] = []
        for last in self._followed:
            crop = self._landmarks.crop(image, last.region)
            small = thumbnail(crop)
            if np.abs(small - last.thumbnail).mean() > LARGEST_CHANGE:
                continue
            face = replace(last, mesh=self._landmarks.mesh(crop, last.region), thumbnail=small)
            if face.mesh.presence >= LEAST_PRESENCE and not face.is_in([other.region for other in kept]):
                kept.append(face)
        return kept

    def _looked_for(self, image: np.ndarray, kept: Sequence[Followed]) -> tuple[list[Followed], list[Mesh]]:
        """Those of ``kept`` that are not given up after the detector's look at the image, and new faces.

        Where it sees no face in the whole image, it looks at the surroundings of each face of the last frame.
        """
        known = [face.region for face in kept]
        seen = self._detected(image)
        new = self._settled(image, seen, known)
        closer: list[Region] = []
        if not new and not any(face.is_in(seen) for face in kept):
            closer = [region for face in self._followed for region in self._detected_around(image, face)]
            new = self._settled(image, closer, known)
        looked_for = [face.looked_for(face.is_in(seen), face.is_in(closer)) for face in kept]
        return [face for face in looked_for if not face.given_up], new

    def _detected(self, image: np.ndarray) -> list[Region]:
        """Regions of the faces that the detector sees in an image, the surest first."""
        return [regions.of_detection(each, image.shape) for each in self._detector.detect(image)]

    def _detected_around(self, image: np.ndarray, face: Followed) -> list[Region]:
        x0, y0, x1, y1 = around(face.mesh.box, image.shape)
        part = self._detected(image[y0:y1, x0:x1])
        return [replace(region, x=region.x + x0, y=region.y + y0) for region in part]

    def _settled(self, image: np.ndarray, seen: Sequence[Region], known: Sequence[Region] = ()) -> list[Mesh]:
        """The faces in the regions ``seen``, but those in ``known``, looked at until their points stay."""
        taken, new = list(known), []
        for region in seen:
            if len(taken) == MAX_FACES or any(region.same_face(other) for other in taken):
                continue
            if mesh := self._settle(image, region):
                new.append(mesh)
                taken.append(regions.of_points(mesh.points))
        return new

    def _settle(self, image: np.ndarray, region: Region) -> Mesh | None:
        """The face in ``region`` from the last of up to ``SETTLE`` looks in which it was present."""
        settled = None
        for _ in range(SETTLE):
            mesh = self._landmarks.mesh(self._landmarks.crop(image, region), region)
            if mesh.presence < LEAST_PRESENCE:
                break
            settled, region = mesh, regions.of_points(mesh.points)
        return settled

    def _begin(self, image: np.ndarray, mesh: Mesh) -> Followed:
        return Followed(mesh, thumbnail(self._landmarks.crop(image, regions.of_points(mesh.points))))


def thumbnail(crop: np.ndarray) -> np.ndarray:
    """(256, 256, 3) uint8 → (32, 32, 3) int16."""
    return crop[::THUMBNAIL_STEP, ::THUMBNAIL_STEP].astype(np.int16)
