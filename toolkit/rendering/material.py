"""What every row of one person shares: the mapping, the true crops and their principal components."""

from dataclasses import dataclass
from functools import cached_property
from math import floor

import numpy as np

from speechlip.errors import OptionError
from speechlip.format import CROP_SIZE
from speechlip.progress import Progress
from speechlip.rendering.canonical import canonical_face, smooth_affines
from speechlip.rendering.kept_arrays import KeptArrays
from speechlip.rendering.lip_space import CROP_COMPONENTS, LipSpace
from speechlip.rendering.mappings.declared import Mapping
from speechlip.rendering.mappings.mesh import MeshMapping
from speechlip.rendering.mappings.open_mesh import mesh_mapping, turns_of
from speechlip.rendering.mappings.similarity import SimilarityMapping
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.person import Person
from speechlip.rendering.principal import evenly, principal
from speechlip.timing import FPS

LEAST_LEARNED_S = 10


@dataclass(frozen=True)
class Material:
    """A person, decomposed.

    train: (L,) int, frames of the training part with a face.
    first: number of the first test frame.
    affines: (N, 2, 3) float64, frame px → crop px by place, size and roll, NaN where no face is followed.
    mapping: between frames and crops.
    crops: (N, 96, 96, 3) uint8, zeros where no face is followed.
    space: principal components of the training crops.
    """

    person: Person
    train: np.ndarray
    first: int
    affines: np.ndarray
    mapping: Mapping
    crops: np.ndarray
    space: LipSpace

    @cached_property
    def codes(self) -> np.ndarray:
        """(N, 48) float32, of all true crops."""
        return self.space.codes(self.crops)

    @property
    def test_crops(self) -> np.ndarray:
        """(T, 96, 96, 3) uint8, those of the test frames."""
        return self.crops[self.first :]


def train_frames(person: Person, options: RenderOptions) -> int:
    """How many frames are the training part, from the first on."""
    return floor(len(person) * options.train_share)


def decompose(
    person: Person, options: RenderOptions, progress: Progress, kept: KeptArrays | None = None
) -> Material:
    """Learn the canonical face from the training part, and cut all mouths.

    kept: where a mesh mapping is kept for the next run; None: nowhere.

    Raises OptionError where the training part shows the face in less than 10 s, and as ``mapping_of`` does.
    """
    first = train_frames(person, options)
    train = np.flatnonzero(person.seen[:first])
    if len(train) < LEAST_LEARNED_S * FPS:
        raise OptionError(
            f"{person.path.name}: the face is seen in {len(train) / FPS:.1f} s of the training part, "
            f"at least {LEAST_LEARNED_S} s are wanted; cut the video to where the person is on screen"
        )
    affines = smooth_affines(person.landmarks, canonical_face(person.landmarks[train]), person.tracks)
    mapping = mapping_of(person, train, affines, options, progress, kept)
    crops = np.zeros((len(person), CROP_SIZE, CROP_SIZE, 3), np.uint8)
    progress.begin("cutting mouths", len(person), "frames")
    for number, image in person.frames():
        if image is not None and person.tracks[number] >= 0:
            crops[number] = mapping.cut(image, number)
        progress.advance()
    space = LipSpace(principal(crops[evenly(train)], CROP_COMPONENTS))
    return Material(person, train, first, affines, mapping, crops, space)


def mapping_of(
    person: Person,
    train: np.ndarray,
    affines: np.ndarray,
    options: RenderOptions,
    progress: Progress,
    kept: KeptArrays | None = None,
) -> Mapping:
    """The mapping that the options name.

    Raises ModelError and OptionError where there is none, WriteError.
    """
    if options.mapping != "mesh":
        return SimilarityMapping(affines)
    if kept and (there := kept.read()):
        mapping = MeshMapping(there["depth"], there["cameras"])
    else:
        mapping = mesh_mapping(person, train, affines, progress)
        if kept:
            kept.write(depth=mapping.depth, cameras=mapping.cameras)
    progress.say(turns_of(mapping.cameras))
    return mapping
