"""The mesh of faces whose 68 landmarks are known, whatever detector placed them."""

import numpy as np

from speechlip import assets
from speechlip.faces.detectors.landmarker import regions
from speechlip.faces.detectors.landmarker.detector import LEAST_PRESENCE, LandmarkerDetector
from speechlip.faces.detectors.landmarker.networks import open_networks
from speechlip.faces.detectors.mesh import Mesh

LOOKS = 2
"""At a face: in the region that its 68 landmarks give, then in that of the mesh seen there."""


class MeshReader:
    """Asks MediaPipe's landmark network for all of its 478 points, with depth; a track's 68 stay as they are.

    Raises ModelError where the model file or LiteRT cannot be had.
    """

    def __init__(self) -> None:
        LandmarkerDetector.library.refuse_missing()
        _, self._network = open_networks(assets.path("face_landmarker"))

    def mesh(self, image: np.ndarray, landmarks: np.ndarray) -> Mesh | None:
        """The mesh of one face; None where the network sees none there.

        image: (H, W, 3) uint8 RGB.
        landmarks: (68, 2) px.
        """
        region, mesh = regions.of_landmarks(landmarks), None
        for _ in range(LOOKS):
            mesh = self._network.mesh(self._network.crop(image, region), region)
            if mesh.presence < LEAST_PRESENCE:
                return None
            region = regions.of_points(mesh.points)
        return mesh
