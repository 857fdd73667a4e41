"""face-alignment: S3FD boxes and 68 points of the Face Alignment Network (Bulat & Tzimiropoulos, 2017).

Slow without a GPU: 0.2 s a frame. The package would download its weights by itself and unchecked; here both
files come from the cache folder, their hashes checked (``speechlip.assets``).
"""

from typing import Any

import numpy as np

from speechlip import assets
from speechlip.files.weights import fill, read_tensors
from speechlip.libraries import Library, load
from speechlip.records import Face, Source

WANTED = "fetch it again: `speechlip models fetch face-alignment`"
DETECT_LONG_SIDE = 640
"""S3FD sees frames scaled to 640 px (it finds faces from 16 px), the landmark network the full frame."""


class FanDetector:
    """Faces with landmarks; ``score`` is S3FD's confidence, at least 0.5."""

    name = "face-alignment"
    has_landmarks = True
    models = ("s3fd", "fan")
    library = Library("face_alignment", package="face-alignment", extra="fan")

    def __init__(self, source: Source) -> None:
        self.library.refuse_missing()
        self._cv2 = load("cv2")
        self._network = open_network()

    def detect(self, image: np.ndarray, index: int) -> list[Face]:
        """Faces of an (H, W, 3) uint8 RGB image with their 68 points in its pixels.

        S3FD looks at a copy of at most ``DETECT_LONG_SIDE``.
        """
        scale = min(1.0, DETECT_LONG_SIDE / max(image.shape[:2]))
        small = self._cv2.resize(image, None, fx=scale, fy=scale, interpolation=self._cv2.INTER_AREA)
        found = self._network.face_detector.detect_from_image(small)
        boxes = [
            np.asarray(box, np.float32) * (1 / scale, 1 / scale, 1 / scale, 1 / scale, 1) for box in found
        ]
        if not boxes:
            return []
        landmarks = self._network.get_landmarks_from_image(np.ascontiguousarray(image), detected_faces=boxes)
        return [
            Face(box[:4].astype(np.float32), float(min(1.0, box[4])), np.asarray(points, np.float32))
            for box, points in zip(boxes, landmarks, strict=True)
        ]

    def close(self) -> None:
        del self._network


def open_network() -> Any:
    """The package's FaceAlignment with the weight files of the cache folder.

    Raises ModelError where one is missing.
    """
    detector_file, network_file = assets.path("s3fd"), assets.path("fan")
    torch, package = load("torch"), load("face_alignment")

    class CheckedFaceAlignment(package.FaceAlignment):  # type: ignore[name-defined]
        def _load_native(self, network_name: str, network_size: int, device: str, dtype: Any) -> Any:
            network = load("face_alignment.models").FAN(network_size)
            fill(network, read_tensors(network_file, WANTED), network_file, WANTED)
            return network.to(device, dtype=dtype).eval()

    return CheckedFaceAlignment(
        package.LandmarksType.TWO_D,
        device="cuda" if torch.cuda.is_available() else "cpu",
        flip_input=False,
        face_detector="sfd",
        face_detector_kwargs={"path_to_detector": str(detector_file)},
        compile=False,
    )
