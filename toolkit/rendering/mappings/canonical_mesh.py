"""The canonical face of a person as a mesh, and its pose in every frame.

After Speech2Lip's eq. 3, with MediaPipe's 478 points in place of a licensed 3DMM. MediaPipe says depth in
the scale of x, as a camera far away sees it: so the camera is a scaled orthographic one, and a pose is a
rotation, a size and a place.
"""

from dataclasses import dataclass

import numpy as np

from speechlip.faces.landmarks import MESH_TO_68, RIGID
from speechlip.rendering.canonical import canonical_face
from speechlip.rendering.principal import evenly

FOREHEAD_AND_CHEEKS = (
    6, 10, 151, 9, 8, 168, 67, 297, 109, 338, 103, 332, 54, 284, 127, 356, 234, 454, 116, 345, 117, 346, 118,
    347, 119, 348, 50, 280, 101, 330, 36, 266,
)  # fmt: skip
STILL = np.array(sorted({*MESH_TO_68[list(RIGID)].tolist(), *FOREHEAD_AND_CHEEKS}))
"""Points of the mesh that speech moves least: brows, nose, eye corners, forehead, cheekbones."""
CORNERS = (61, 291)
MEDOID_OF, ROUNDS = 60, 3


@dataclass(frozen=True)
class CanonicalMesh:
    """points: (478, 3) px of the crop; x right, y down, z away from the camera, 0 at the mouth's corners."""

    points: np.ndarray

    def cameras(self, meshes: np.ndarray) -> np.ndarray:
        """Where a point of the canonical face is in each frame: (N, 2, 4), (x, y, z, 1) crop px → frame px.

        meshes: (N, 478, 3) px.
        """
        return np.array([_similarity(self.points[STILL], mesh[STILL])[:2] for mesh in meshes])


def canonical_mesh(meshes: np.ndarray) -> CanonicalMesh:
    """The mean face of training frames, turned as its most usual one, in px of the canonical crop.

    meshes: (N, 478, 3) px.
    """
    reference = _medoid(evenly(meshes, MEDOID_OF))
    for _ in range(ROUNDS):
        aligned = np.array([_moved(mesh, _similarity(mesh[STILL], reference[STILL])) for mesh in meshes])
        reference = aligned.mean(axis=0)
    flat = canonical_face(aligned[:, MESH_TO_68, :2])
    affine = flat.affines(flat.pose_of(reference[None, MESH_TO_68, :2]))[0]
    placed = reference[:, :2] @ affine[:, :2].T + affine[:, 2]
    depth = reference[:, 2] * np.sqrt(np.linalg.det(affine[:, :2]))
    return CanonicalMesh(np.column_stack([placed, depth - depth[list(CORNERS)].mean()]))


def angles(cameras: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll against the canonical face, signs as of ``head_angles``: (N, 3) degrees.

    cameras: (N, 2, 4).
    """
    size = np.linalg.norm(cameras[:, 0, :3], axis=1)
    along, down = cameras[:, 0, :3] / size[:, None], cameras[:, 1, :3] / size[:, None]
    forth = np.cross(along, down)
    yaw = np.arctan2(-along[:, 2], forth[:, 2])
    pitch = np.arcsin(np.clip(down[:, 2], -1, 1))
    return np.degrees(np.column_stack([yaw, pitch, np.arctan2(down[:, 0], down[:, 1])]))


def _medoid(meshes: np.ndarray) -> np.ndarray:
    """The mesh that is nearest to all others, apart from place and size."""
    still = meshes[:, STILL] - meshes[:, STILL].mean(axis=1, keepdims=True)
    still /= np.sqrt((still**2).mean(axis=(1, 2), keepdims=True))
    flat = still.reshape(len(still), -1)
    mean_dot = flat @ flat.sum(axis=0)  # equal lengths: the nearest is the one most along all others
    return np.asarray(meshes[int(mean_dot.argmax())])


def _similarity(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The rotation, size and place that bring (P, 3) points nearest to others (Umeyama 1991): (3, 4)."""
    middle, target = points.mean(axis=0), others.mean(axis=0)
    centred, wanted = points - middle, others - target
    left, sizes, right = np.linalg.svd(wanted.T @ centred)
    signs = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    turn = (left * signs) @ right * ((sizes * signs).sum() / (centred**2).sum())
    return np.column_stack([turn, target - turn @ middle])


def _moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.asarray(points @ matrix[:, :3].T + matrix[:, 3])
