"""Landmarks by LiteRT and by MediaPipe: the same points; faces followed, lost, searched, small, turned."""

import zipfile

import cv2
import numpy as np
import pytest

from speechlip import assets
from speechlip.errors import ModelError
from speechlip.faces.detectors.landmarker.detector import LandmarkerDetector
from speechlip.faces.detectors.landmarker.meshes import MeshReader
from speechlip.faces.detectors.landmarker.networks import DETECTOR, LANDMARKS, open_networks
from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.landmarks import MESH_TO_68, MOUTH


@pytest.fixture(params=["landmarker", "mediapipe"])
def opened(request, face_model, source):
    """Either detector."""
    if request.param == "mediapipe":
        request.getfixturevalue("mediapipe")
    with open_detector(request.param, source) as detector:
        yield detector


@pytest.fixture
def landmarker(face_model, source):
    detector = LandmarkerDetector(source)
    yield detector
    detector.close()


@pytest.mark.parametrize("person", [0, 3])
def test_the_68_points_are_the_exact_ones(face, opened, person):
    gaps = []
    for index, opening in enumerate((0.0, 0.5, 1.0)):
        image, exact = face(person, opening)
        (found,) = opened.detect(image, index)
        distances = np.linalg.norm(found.landmarks[MOUTH][:, None] - exact[MOUTH][None], axis=-1)
        mouth_width = np.linalg.norm(exact[54] - exact[48])
        assert np.diag(distances).mean() < 0.09 * mouth_width
        if opening == 0.5:  # open enough that no two points share a place
            assert (distances.argmin(axis=1) == np.arange(20)).all()
        gaps.append((found.landmarks[66, 1] - found.landmarks[62, 1], exact[66, 1] - exact[62, 1]))
    assert np.allclose(*np.array(gaps).T, atol=0.12 * mouth_width)
    assert found.landmarks.shape == (68, 2) and found.landmarks.dtype == found.box.dtype == np.float32
    assert np.all(found.box[:2] <= found.landmarks.min(axis=0))
    assert np.all(found.box[2:] >= found.landmarks.max(axis=0))
    assert 0.5 <= found.score <= 1


def test_a_face_40_px_wide_in_a_454_px_frame_is_found_and_kept(face, opened, put_into_landscape):
    assert opened.detect(np.zeros((256, 454, 3), np.uint8), 0) == []
    for index in range(5, 15):
        corner = (300 + 2 * index, 120)
        (found,) = opened.detect(put_into_landscape(face(0)[0], 100, (256, 454), corner), index)
        exact = face(0)[1] * 100 / 256 + corner
        assert np.abs(found.landmarks[MOUTH].mean(axis=0) - exact[MOUTH].mean(axis=0)).max() < 2
    assert 35 < found.box[2] - found.box[0] < 55


def test_strided_images_are_read_right(face, opened, source):
    """Decoders give views with gaps between rows."""
    image = face(0)[0]
    wide = np.zeros((256, 300, 3), np.uint8)
    wide[:, :256] = image
    with open_detector(opened.name, source) as other:
        found = [
            detector.detect(view, 0)[0].landmarks
            for detector, view in ((opened, image), (other, wide[:, :256]))
        ]
    assert np.array_equal(*found)


def test_two_faces_are_seen(face, opened):
    for index in range(8):
        found = opened.detect(np.hstack([face(0)[0], face(3)[0]]), index)
        assert sorted(round(float(one.box[[0, 2]].mean()) / 256, 1) for one in found) == [0.5, 1.5]


@pytest.mark.parametrize("person", [0, 1, 3])
def test_with_the_detector_in_every_frame_points_are_mediapipes(face, mediapipe, landmarker, source, person):
    with open_detector("mediapipe", source) as theirs:
        for index, below in enumerate((0, 128, 0)):
            image = face(person, 0.4, yaw=3 * index, roll=0.1 * index)[0]
            image = np.pad(image, ((0, below), (0, 0), (0, 0)), mode="edge")
            (region,) = landmarker._detected(image)
            ours = landmarker._landmarks.mesh(landmarker._landmarks.crop(image, region), region).face()
            (expected,) = theirs.detect(image, index)
            assert np.abs(ours.landmarks - expected.landmarks).max() < 0.05
            assert np.abs(ours.box - expected.box).max() < 0.05


def test_followed_points_are_mediapipes_within_2_percent_of_the_face(face, mediapipe, landmarker, source):
    with open_detector("mediapipe", source) as theirs:
        for index in range(12):
            image, _ = face(1, index / 11, yaw=index - 6)
            (ours,), (expected,) = landmarker.detect(image, index), theirs.detect(image, index)
            apart = np.linalg.norm(ours.landmarks - expected.landmarks, axis=1).mean()
            assert apart < 0.02 * (expected.box[2] - expected.box[0])


def test_a_turned_head_has_turned_points(face, landmarker):
    """In plane: the points of a turned image are the turned points; from 0 to 60 degrees by 6 a frame."""
    image, _ = face(0, 0.4)
    (upright,) = landmarker.detect(image, 0)
    for index in range(1, 11):
        turn = cv2.getRotationMatrix2D((128, 128), -6 * index, 1)
        turned = cv2.warpAffine(image, turn, (256, 256), borderMode=cv2.BORDER_REPLICATE)
        (found,) = landmarker.detect(turned, index)
        expected = upright.landmarks @ turn[:, :2].T + turn[:, 2]
        assert np.linalg.norm(found.landmarks - expected, axis=1).mean() < 3


def test_the_same_frames_give_the_same_points(face, face_model, source):
    frames = [face(1, index / 7, yaw=index)[0] for index in range(8)]
    runs = []
    for _ in range(2):
        with open_detector("landmarker", source) as detector:
            runs.append([detector.detect(image, index)[0].landmarks for index, image in enumerate(frames)])
    assert np.array_equal(*runs)


def test_a_video_begun_later_differs_by_less_than_a_percent_of_the_face(face, face_model, source):
    """What a part of a source that is cut by time gives, whose earlier frames are not shown."""
    frames = [face(1, index / 12, yaw=index - 6)[0] for index in range(13)]
    with open_detector("landmarker", source) as whole, open_detector("landmarker", source) as part:
        for index, image in enumerate(frames):
            (one,) = whole.detect(image, index)
            if index >= 7:
                (other,) = part.detect(image, index)
                apart = np.linalg.norm(one.landmarks - other.landmarks, axis=1).mean()
                assert apart < (0.01 if index == 7 else 0.005) * (one.box[2] - one.box[0])


def test_a_small_face_that_comes_beside_a_small_one_is_found_around_it(face, landmarker, put_into_landscape):
    """The detector sees neither in the whole frame."""
    for index in range(8):
        image = put_into_landscape(face(0)[0], 100, (256, 454), (250, 100))
        if index >= 4:
            image[100:200, 310:410] = cv2.resize(face(3)[0], (100, 100), interpolation=cv2.INTER_AREA)
        middles = sorted(round(float(one.box[[0, 2]].mean())) for one in landmarker.detect(image, index))
        assert middles == pytest.approx([300, 360] if index >= 4 else [300], abs=3)


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 200, 3), (700, 2, 3), (2100, 3900, 3)])
def test_an_image_of_any_shape_is_looked_at(landmarker, shape):
    assert landmarker.detect(np.full(shape, 90, np.uint8), 0) == []


def test_a_face_beyond_the_edge_of_the_frame_is_followed(face, opened):
    """It leaves to the left, 8 px a frame; a third of it is gone in the end."""
    image = face(0)[0]
    for index in range(15):
        shown = np.ascontiguousarray(
            np.pad(image[:, 8 * index :], ((0, 0), (0, 8 * index), (0, 0)), mode="edge")
        )
        (found,) = opened.detect(shown, index)
        mouth = face(0)[1][MOUTH].mean(axis=0) - (8 * index, 0)
        assert np.abs(found.landmarks[MOUTH].mean(axis=0) - mouth).max() < 6


def counted(monkeypatch, landmarker):
    """The frames that the detection network is shown, as a list that grows."""
    shown, see = [], landmarker._detector.detect
    monkeypatch.setattr(landmarker._detector, "detect", lambda image: shown.append(image.shape) or see(image))
    return shown


def test_the_detector_looks_at_new_faces_in_each_frame_and_then_in_every_fifth(face, landmarker, monkeypatch):
    shown = counted(monkeypatch, landmarker)
    for index in range(30):
        assert len(landmarker.detect(face(0)[0], index)) == 1
    assert shown == [(256, 256, 3)] * (6 + 4)  # frames 0 to 5, then 10, 15, 20, 25


def test_a_face_that_comes_is_seen_within_five_frames(face, landmarker):
    left, right = face(0)[0], face(3)[0]
    for index in range(20):
        shown = np.hstack([left, right if index > 10 else np.full_like(right, 90)])
        found = landmarker.detect(shown, index)
        assert len(found) == (1 if index < 15 else 2)


def test_a_cut_ends_a_face_in_its_first_frame(face, landmarker):
    """The second shot has its head elsewhere; the third has none."""
    left = np.hstack([face(0)[0], np.full((256, 256, 3), 200, np.uint8)])
    right = np.hstack([np.full((256, 256, 3), 60, np.uint8), face(3)[0]])
    empty = np.full((256, 512, 3), 120, np.uint8)
    seen = [
        landmarker.detect(image, index) for index, image in enumerate([left] * 7 + [right] * 6 + [empty] * 3)
    ]
    assert [len(faces) for faces in seen] == [1] * 13 + [0] * 3
    middles = [faces[0].box[[0, 2]].mean() for faces in seen[:13]]
    assert max(middles[:7]) < 256 < min(middles[7:])
    assert np.abs(seen[7][0].landmarks - seen[12][0].landmarks).max() < 1


def test_where_the_picture_jumps_the_detector_looks_at_once(face, landmarker, monkeypatch):
    """Another head in the same place, between two looks that would be due."""
    looked, detect = [], landmarker._detector.detect
    for index, image in enumerate([face(0)[0]] * 12 + [255 - face(3)[0][:, ::-1]] + [face(3)[0]]):
        monkeypatch.setattr(
            landmarker._detector, "detect", lambda part, at=index: looked.append(at) or detect(part)
        )
        landmarker.detect(image, index)
    assert 11 not in looked and {10, 12, 13} <= set(looked)


def test_a_face_seen_once_is_dropped_when_the_detector_does_not_see_it_again(face, landmarker, monkeypatch):
    image = face(0)[0]
    assert len(landmarker.detect(image, 0)) == 1
    monkeypatch.setattr(landmarker._detector, "detect", lambda image: [])
    assert landmarker.detect(image, 1) == []


def test_a_known_face_is_dropped_after_five_looks_without_it(face, landmarker, monkeypatch):
    image = face(0)[0]
    for index in range(10):
        assert len(landmarker.detect(image, index)) == 1
    monkeypatch.setattr(landmarker._detector, "detect", lambda image: [])
    assert [len(landmarker.detect(image, index)) for index in range(10, 16)] == [1, 1, 1, 1, 0, 0]


def test_two_regions_on_one_face_become_one(face, landmarker):
    image = face(0)[0]
    landmarker.detect(image, 0)
    landmarker._followed *= 2
    assert len(landmarker.detect(image, 1)) == 1


def test_a_face_without_presence_is_lost(face, landmarker):
    """Its head fades into the wall in half a second, so that no frame changes much."""
    image, wall = face(0)[0], np.full((256, 256, 3), 128, np.uint8)
    shown = [cv2.addWeighted(image, 1 - share, wall, share, 0) for share in np.linspace(0, 1, 16)]
    found = [len(landmarker.detect(each, index)) for index, each in enumerate([*shown, wall, wall])]
    assert found[:8] == [1] * 8 and found[-2:] == [0, 0]


@pytest.fixture
def members(face_model):
    with zipfile.ZipFile(assets.path("face_landmarker")) as task:
        return {name: task.read(name) for name in (DETECTOR, LANDMARKS)}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda files: {DETECTOR: files[LANDMARKS], LANDMARKS: files[LANDMARKS]},
         r"face_detector.tflite is another network .* takes \[\[1, 256, 256, 3\]\] and gives .*, "
         r"wanted: takes \[\[1, 128, 128, 3\]\], gives \[\[1, 896, 1\], \[1, 896, 16\]\]"),
        (lambda files: {DETECTOR: files[DETECTOR], LANDMARKS: files[DETECTOR]},
         "face_landmarks_detector.tflite is another network"),
        (lambda files: {DETECTOR: b"no model"}, "no face_detector.tflite and face_landmarks_detector.tflite"),
        (lambda files: files | {DETECTOR: b"no model, but as long as one"},
         "LiteRT cannot read face_detector.tflite"),
    ],
)  # fmt: skip
def test_a_file_with_other_networks_is_refused(members, tmp_path, change, reason):
    with zipfile.ZipFile(tmp_path / "other.task", "w") as task:
        for name, content in change(members).items():
            task.writestr(name, content)
    with pytest.raises(ModelError, match=reason):
        open_networks(tmp_path / "other.task")


def test_a_file_that_is_no_model_is_refused(opened, face_model, source):
    (face_model / "face_landmarker.task").write_bytes(b"no model")
    with pytest.raises(ModelError, match="wanted 64184e22"):
        open_detector(opened.name, source).__enter__()


def test_the_mesh_of_a_known_face_is_the_detectors_own(face, landmarker):
    image, _ = face(0)
    (found,) = landmarker.detect(image, 0)
    mesh = MeshReader().mesh(image, found.landmarks)
    width = found.box[2] - found.box[0]
    assert np.abs(mesh.points[MESH_TO_68] - found.landmarks).max() < 0.02 * width
    nose_tip, ears = mesh.depth[4], mesh.depth[[234, 454]].mean()
    assert nose_tip < ears - 0.3 * width  # away from the camera: the nose is nearest


def test_where_no_face_is_there_is_no_mesh(face, face_model):
    assert MeshReader().mesh(np.zeros((256, 256, 3), np.uint8), face(0)[1]) is None
