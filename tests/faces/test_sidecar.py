"""Landmarks beside the video: which row a frame shows, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from speechlip.errors import SourceRefused
from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.detectors.sidecar import face_box


@pytest.fixture
def sidecar(tmp_path, source, face):
    def write(**arrays):
        path = tmp_path / "video.landmarks.npz"
        np.savez(path, **arrays)
        return replace(source, landmarks_path=path)

    return write


def test_sidecar_gives_the_row_on_display(sidecar, face):
    landmarks = np.stack([face(0, opening)[1] for opening in (0, 0.3, 0.6, 0.9)])
    landmarks[2] = np.nan
    with open_detector("sidecar", sidecar(landmarks=landmarks, time_s=np.arange(4) / 25)) as detector:
        found = [detector.detect(np.zeros((2, 2, 3), np.uint8), index) for index in range(6)]
    assert [len(faces) for faces in found] == [1, 1, 0, 1, 0, 0]
    assert np.array_equal(found[1][0].landmarks, landmarks[1]) and found[3][0].score == 1.0
    assert np.array_equal(found[3][0].box, face_box(landmarks[3]))


@pytest.mark.parametrize("fps", [12.5, 24, 30, 50])
def test_sidecar_of_other_rates(sidecar, fps):
    rows = np.arange(int(2 * fps))
    landmarks = np.zeros((len(rows), 68, 2), np.float32) + rows[:, None, None]
    with open_detector("sidecar", sidecar(landmarks=landmarks, time_s=rows / fps)) as detector:
        for index in range(50):
            (found,) = detector.detect(np.zeros((2, 2, 3), np.uint8), index)
            assert found.landmarks[0, 0] == int((index + 0.5) / 25 * fps + 1e-6)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"landmarks": np.zeros((3, 68, 2))}, "landmarks and time_s"),
        (
            {"landmarks": np.zeros((3, 20, 2)), "time_s": np.arange(3.0)},
            "(3, 20, 2), wanted float32 (N, 68, 2)",
        ),
        ({"landmarks": np.zeros((3, 68, 2)), "time_s": np.arange(4.0)}, "wanted float64 (3,)"),
        ({"landmarks": np.zeros((3, 68, 2)), "time_s": np.array([0, 0.1, 0.1])}, "rise"),
        ({"landmarks": np.zeros((0, 68, 2)), "time_s": np.zeros(0)}, "at least one row"),
        ({"landmarks": np.array([{}]), "time_s": np.arange(1.0)}, "landmarks and time_s"),
    ],
)
def test_bad_sidecars_are_refused(sidecar, arrays, said):
    with pytest.raises(SourceRefused) as refusal:
        open_detector("sidecar", sidecar(**arrays)).__enter__()
    assert (refusal.value.stage, refusal.value.reason) == (
        "faces",
        "bad sidecar",
    ) and said in refusal.value.detail


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04broken"])
def test_files_that_are_no_sidecar_are_refused(sidecar, content):
    source = sidecar(landmarks=np.zeros(1))
    source.landmarks_path.write_bytes(content)
    with pytest.raises(SourceRefused, match="bad sidecar"):
        open_detector("sidecar", source).__enter__()


def test_no_sidecar_is_refused(source, tmp_path):
    for path in (None, tmp_path / "none.npz"):
        with pytest.raises(SourceRefused, match="no sidecar"):
            open_detector("sidecar", replace(source, landmarks_path=path)).__enter__()
