"""Blendshapes of MediaPipe's network, run here, and the metrics of them."""

from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import sqrtm

import speechlip
from speechlip import ScoreOptions, assets
from speechlip.errors import ModelError
from speechlip.faces.detectors.landmarker.blendshapes import NAMES, POINTS, open_blendshapes
from speechlip.faces.detectors.landmarker.detector import LandmarkerDetector
from speechlip.faces.detectors.mesh import Mesh
from speechlip.judging.harms.material import read_material
from speechlip.metrics import NotScored
from speechlip.metrics.expression.blendshape_error import METRICS, blendshape_error
from speechlip.metrics.expression.blendshape_fd import blendshape_distance, frechet_distance
from speechlip.records import Source
from speechlip.scoring.clip.meshes import mesh_of_track
from zoo import write_clip


@pytest.fixture(scope="module")
def images(real_clips):
    """26 frames of a real clip, 256 × 256."""
    return read_material(real_clips / "hdtf_1.mp4", 1.04, 256).images


def test_blendshapes_are_mediapipes(images, face_model):
    """Of MediaPipe's own points its numbers to 1e-5; of ours, which lie up to a pixel elsewhere, within 0.03
    on average and 0.3 at most: brows are sensitive.
    """
    mediapipe = pytest.importorskip("mediapipe")
    vision = pytest.importorskip("mediapipe.tasks.python.vision")
    network = open_blendshapes(assets.path("face_landmarker"))
    options = vision.FaceLandmarkerOptions(
        base_options=mediapipe.tasks.BaseOptions(model_asset_path=str(assets.path("face_landmarker"))),
        output_face_blendshapes=True,
    )
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        image = np.ascontiguousarray(images[20])
        seen = landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=image))
    theirs = np.array([each.score for each in seen.face_blendshapes[0]])
    assert [each.category_name for each in seen.face_blendshapes[0]] == [*NAMES]
    points = np.array([(point.x, point.y) for point in seen.face_landmarks[0]], np.float32) * 256
    assert np.abs(network.coefficients(points) - theirs).max() < 1e-5
    (mesh,) = LandmarkerDetector(Source(Path("frames"), "frames", "")).meshes(image, 0)
    apart = np.abs(network.coefficients(mesh.points) - theirs)
    assert apart.max() < 0.3 and apart.mean() < 0.03
    assert np.allclose(network.coefficients(3 * points + 50), theirs, atol=1e-4)  # wherever the face is


def test_a_file_without_the_network_is_named(tmp_path):
    (tmp_path / "x.task").write_bytes(b"none")
    with pytest.raises(ModelError, match=r"holds no face_blendshapes\.tflite"):
        open_blendshapes(tmp_path / "x.task")
    assert len(POINTS) == 146 and len(NAMES) == 52


def test_a_clip_is_scored_beside_its_reference(images, face_model, tmp_path):
    """The second of render and reference shows the first's frames backwards: other expressions frame by
    frame, over all the same ones.
    """
    write_clip(tmp_path / "real.mp4", images, None)
    write_clip(tmp_path / "other.mp4", images[::-1], None)
    asked = ScoreOptions(("blendshape_error", "blendshape_fd"), detector="landmarker")
    same = speechlip.score(tmp_path / "real.mp4", tmp_path / "real.mp4", asked)
    assert {same.row.values[metric.name] for metric in METRICS} == {0.0}
    assert same.missing == {"blendshape_fd": "too short"}
    other = speechlip.score(tmp_path / "other.mp4", tmp_path / "real.mp4", asked)
    assert 0.001 < other.row.blendshape_error < 0.1 and other.row.blendshape_error_mouth > 0.002
    alone = speechlip.score(tmp_path / "real.mp4", None, asked)
    assert alone.missing == dict.fromkeys(asked.metrics, "no reference")


def test_other_detectors_give_no_mesh():
    points = np.zeros((2, 68, 2), np.float32)
    with pytest.raises(NotScored, match="no mesh: the landmarks are of sidecar, and only landmarker gives"):
        mesh_of_track(None, points, "sidecar")
    with pytest.raises(NotScored, match="no mesh: the landmarks of frame 0 are not the detector's"):
        mesh_of_track({0: [Mesh(np.ones((478, 2)), 1.0)]}, points, "landmarker")


def test_faces_are_looked_for_once(images, face_model, tmp_path, monkeypatch):
    """Ten frames, render and reference: the landmarker is shown twenty, whatever a mesh is wanted for."""
    shown = []
    meshes = LandmarkerDetector.meshes
    monkeypatch.setattr(
        LandmarkerDetector, "meshes", lambda self, *frame: shown.append(frame[1]) or meshes(self, *frame)
    )
    write_clip(tmp_path / "real.mp4", images[:10], None)
    asked = ScoreOptions(("theval_lips", "theval_brows", "blendshape_error", "lmd"), detector="landmarker")
    scored = speechlip.score(tmp_path / "real.mp4", tmp_path / "real.mp4", asked)
    assert sorted(shown) == sorted([*range(10)] * 2) and scored.missing == {"blendshape_error": "too short"}
    assert scored.row.values["theval_lips"] == scored.row.values["theval_lips_real"] > 0


def test_of_two_faces_the_mesh_is_that_of_the_track():
    one, other = (Mesh(np.full((478, 2), float(at)), 1.0) for at in (10, 20))
    track = np.full((2, 68, 2), 20, np.float32)
    track[1] = np.nan
    mesh = mesh_of_track({0: [one, other], 1: [one]}, track, "landmarker")
    assert (mesh[0] == 20).all() and np.isnan(mesh[1]).all()


def test_frames_without_a_face_are_left_out():
    real = np.zeros((30, 52), np.float32)
    render = real + 0.5
    render[3], real[4] = np.nan, np.nan
    assert blendshape_error(render, real) == 0.5 == blendshape_error(render, real, "eyes")
    with pytest.raises(NotScored, match="too short: 24 frames with both faces, 25 are wanted"):
        blendshape_error(render[:26], real[:26])
    with pytest.raises(NotScored, match="too short: 99 frames with a face, 100 are wanted"):
        blendshape_distance(np.zeros((200, 52)), np.vstack([np.zeros((99, 52)), np.full((9, 52), np.nan)]))


def test_frechet_distance_is_that_by_a_matrix_root():
    random = np.random.default_rng(0)
    one, other = random.normal(size=(200, 6)) @ random.normal(size=(6, 6)), random.normal(1, 2, (150, 6))
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    wanted = np.sum((one.mean(0) - other.mean(0)) ** 2) + np.trace(
        first + second - 2 * sqrtm(first @ second).real
    )
    assert frechet_distance(one, other) == pytest.approx(wanted)
    assert frechet_distance(other, one) == pytest.approx(wanted)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    flat = np.column_stack([one, np.zeros(len(one))])  # a coefficient that never moves
    assert frechet_distance(flat, flat + 1) == pytest.approx(7)
