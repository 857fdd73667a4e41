"""MediaPipe's landmarker: 68 points, small faces, the same in every process."""

import subprocess
import sys

import numpy as np
import pytest

from speechlip.errors import ModelError
from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.landmarks import MOUTH


@pytest.mark.parametrize("person", [0, 3])
def test_mediapipes_68_points_are_the_exact_ones(face, face_model, source, person):
    with open_detector("mediapipe", source) as detector:
        gaps = []
        for index, opening in enumerate((0.0, 0.5, 1.0)):
            image, exact = face(person, opening)
            (found,) = detector.detect(image, index)
            distances = np.linalg.norm(found.landmarks[MOUTH][:, None] - exact[MOUTH][None], axis=-1)
            mouth_width = np.linalg.norm(exact[54] - exact[48])
            assert np.diag(distances).mean() < 0.09 * mouth_width
            if opening == 0.5:  # open enough that no two points share a place
                assert (distances.argmin(axis=1) == np.arange(20)).all()
            gaps.append((found.landmarks[66, 1] - found.landmarks[62, 1], exact[66, 1] - exact[62, 1]))
    assert np.allclose(*np.array(gaps).T, atol=0.12 * mouth_width)
    assert found.landmarks.shape == (68, 2) and found.landmarks.dtype == found.box.dtype == np.float32
    assert np.all(found.box[:2] <= found.landmarks.min(axis=0)) and np.all(
        found.box[2:] >= found.landmarks.max(axis=0)
    )


def test_mediapipe_finds_a_face_40_px_wide_in_a_454_px_frame_and_keeps_it(
    face, face_model, source, put_into_landscape
):
    with open_detector("mediapipe", source) as detector:
        assert detector.detect(np.zeros((256, 454, 3), np.uint8), 0) == []
        for index in range(5, 15):
            corner = (300 + 2 * index, 120)
            (found,) = detector.detect(put_into_landscape(face(0)[0], 100, (256, 454), corner), index)
            exact = face(0)[1] * 100 / 256 + corner
            assert np.abs(found.landmarks[MOUTH].mean(axis=0) - exact[MOUTH].mean(axis=0)).max() < 2
    assert 35 < found.box[2] - found.box[0] < 55


def test_mediapipe_reads_strided_images_right(face, face_model, source):
    """The task reads a buffer as if it had no gaps between rows: decoders give views that have."""
    image = face(0)[0]
    wide = np.zeros((256, 300, 3), np.uint8)
    wide[:, :256] = image
    found = []
    for view in (image, wide[:, :256]):
        with open_detector("mediapipe", source) as detector:
            found.append(detector.detect(view, 0)[0].landmarks)
    assert np.array_equal(*found)


def test_mediapipe_sees_two_faces(face, face_model, source):
    with open_detector("mediapipe", source) as detector:
        found = detector.detect(np.hstack([face(0)[0], face(3)[0]]), 0)
    assert sorted(round(float(one.box[[0, 2]].mean()) / 256, 1) for one in found) == [0.5, 1.5]


FRESH_PROCESS = """
import sys; sys.path.insert(0, sys.argv[1])
import hashlib
from pathlib import Path
from conftest import render_face
from speechlip.faces.detectors.opening import open_detector
from speechlip.records import Source
digest = hashlib.sha256()
with open_detector("mediapipe", Source(Path(), "", "")) as detector:
    for index in range(6):
        digest.update(detector.detect(render_face(1, index / 5, yaw=index)[0], index)[0].landmarks.tobytes())
print(digest.hexdigest())
"""


def test_mediapipe_gives_the_same_in_every_process_and_keeps_quiet(face_model, request):
    here = str(request.path.parent)
    runs = [
        subprocess.run(
            [sys.executable, "-c", FRESH_PROCESS, here], capture_output=True, text=True, check=True
        )
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout and len(runs[0].stdout) == 65
    assert runs[0].stderr == ""


def test_mediapipe_searches_a_faceless_video_rarely(face_model, source):
    from speechlip.faces.detectors.mediapipe_landmarker import MediapipeLandmarker

    looked = []

    class Counting(MediapipeLandmarker):
        def _look_at(self, image, region):
            looked.append(region)
            return super()._look_at(image, region)

    detector, empty = Counting(source), np.full((256, 454, 3), 90, np.uint8)
    for index in range(100):
        assert detector.detect(empty, index) == []
    detector.close()
    assert len(looked) == 6 * 5  # six tiles each in frames 0, 5, 15, 35, 75


def test_a_file_that_is_no_model_is_refused(face_model, source):
    (face_model / "face_landmarker.task").write_bytes(b"no model")
    with pytest.raises(ModelError, match="wanted 64184e22"):
        open_detector("mediapipe", source).__enter__()
