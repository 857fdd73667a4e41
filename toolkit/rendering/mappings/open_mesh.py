"""A person's video → the mesh mapping of all of its frames."""

import numpy as np

from speechlip.errors import OptionError
from speechlip.faces.cutting import cut
from speechlip.faces.detectors.landmarker.meshes import MeshReader
from speechlip.faces.pose import smooth
from speechlip.format import CROP_SIZE
from speechlip.progress import Progress
from speechlip.rendering.canonical import POSE_FRAMES
from speechlip.rendering.mappings.canonical_mesh import CanonicalMesh, angles, canonical_mesh
from speechlip.rendering.mappings.depth import completed, mesh_depth
from speechlip.rendering.mappings.mesh import MeshMapping
from speechlip.rendering.person import Person
from speechlip.rendering.principal import evenly

DEPTH_FRAMES, MARGIN_PX = 24, 24
"""Frames by which depth is completed, and how much more than the crop is seen of them."""


def mesh_mapping(person: Person, train: np.ndarray, affines: np.ndarray, progress: Progress) -> MeshMapping:
    """The canonical mesh of the training part, its depth completed, and the pose of every frame.

    train: (L,) int, frames of the training part with a face.
    affines: (N, 2, 3), frame px → crop px, by which the frames for the depth are kept.

    Raises ModelError where MediaPipe's face model cannot be had, OptionError where it sees no face.
    """
    meshes, kept = _read_meshes(person, {*evenly(train, DEPTH_FRAMES).tolist()}, affines, progress)
    learned = train[np.isfinite(meshes[train, 0, 0])]
    if not len(learned):
        raise OptionError(
            f"{person.path.name}: MediaPipe's landmark network sees no face there; take --mapping similarity"
        )
    canonical = canonical_mesh(meshes[learned].astype(np.float64))
    cameras = cameras_of(canonical, meshes, person.tracks, affines)
    depth, known = mesh_depth(canonical.points)
    numbers = [number for number in kept if np.isfinite(meshes[number, 0, 0])]
    seen = [_into(affines[number], cameras[number]) for number in numbers]
    depth = completed(depth, known, np.array([kept[number] for number in numbers]), np.array(seen))
    return MeshMapping(depth, cameras)


def turns_of(cameras: np.ndarray) -> str:
    """How far a head turns and nods, as a sentence; (N, 2, 4), NaN where no face is followed."""
    low, high = np.nanpercentile(angles(cameras)[:, :2], (1, 99), axis=0).round()
    return f"the head turns by {low[0]:g}° to {high[0]:g}°, and nods by {low[1]:g}° to {high[1]:g}°"


def _read_meshes(
    person: Person, wanted: set[int], affines: np.ndarray, progress: Progress
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """(N, 478, 3) float32 px, NaN where no mesh is seen, and some frames around the mouth."""
    reader = MeshReader()
    meshes = np.full((len(person), 478, 3), np.nan, np.float32)
    kept = {}
    progress.begin("reading the mesh of the face", len(person), "frames")
    for number, image in person.frames():
        if image is not None and person.seen[number]:
            mesh = reader.mesh(image, person.landmarks[number])
            if mesh and mesh.depth is not None:
                meshes[number] = np.column_stack([mesh.points, mesh.depth])
            if number in wanted:
                kept[number] = cut(image, _wider(affines[number]), CROP_SIZE + 2 * MARGIN_PX)
        progress.advance()
    return meshes, kept


def cameras_of(
    canonical: CanonicalMesh, meshes: np.ndarray, tracks: np.ndarray, affines: np.ndarray
) -> np.ndarray:
    """(N, 2, 4), smoothed along each track; a track without a mesh has those of its similarities."""
    cameras = np.full((len(meshes), 2, 4), np.nan)
    frames = np.arange(len(meshes))
    for track in np.unique(tracks[tracks >= 0]):
        here = frames[tracks == track]
        known = here[np.isfinite(meshes[here, 0, 0])]
        if not len(known):
            back = np.linalg.inv(affines[here, :, :2])
            place = -(back @ affines[here, :, 2:])
            cameras[here] = np.concatenate([back, np.zeros_like(place), place], axis=2)
            continue
        found = canonical.cameras(meshes[known].astype(np.float64)).reshape(len(known), 8)
        filled = np.stack([np.interp(here, known, column) for column in found.T], axis=1)
        cameras[here] = smooth(filled, POSE_FRAMES).reshape(-1, 2, 4)
    return cameras


def _wider(affine: np.ndarray) -> np.ndarray:
    """Frame px → px of a crop with a margin around it."""
    return np.column_stack([affine[:, :2], affine[:, 2] + MARGIN_PX])


def _into(affine: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """A camera into the wider crop of its frame: (2, 4)."""
    wider = _wider(affine)
    placed = wider[:, :2] @ camera
    placed[:, 3] += wider[:, 2]
    return np.asarray(placed)
