"""Detectors by name, and what each needs to work."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from speechlip import assets
from speechlip.errors import ModelError, OptionError, SourceRefused
from speechlip.faces.cascade import CascadeDetector, Place
from speechlip.faces.declared import EYEBROWS_TO_CHIN
from speechlip.faces.detectors import choose_detector, declared, model_hashes, open_detector, packages
from speechlip.faces.landmarks import MOUTH
from speechlip.faces.libraries import load
from speechlip.faces.registry import DETECTORS
from speechlip.faces.sidecar import face_box
from speechlip.records import MouthPlace


@pytest.fixture
def no_models(tmp_path, monkeypatch):
    """A machine without model files and without network."""
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path))
    for name, asset in list(assets.ASSETS.items()):
        monkeypatch.setitem(assets.ASSETS, name, replace(asset, url=f"http://127.0.0.1:9/{asset.file_name}"))
    return tmp_path


def put_into_landscape(
    picture: np.ndarray, side: int, shape: tuple[int, int], corner: tuple[int, int]
) -> np.ndarray:
    """A large picture, softly structured, with ``picture`` brought to ``side`` px in it."""
    import cv2

    y, x = np.mgrid[: shape[0], : shape[1]]
    canvas = np.stack(
        [120 + 40 * np.sin(x / 60 + c) + 30 * np.cos(y / 45 - c) for c in (0, 1, 2)], axis=-1
    ).astype(np.uint8)
    canvas[corner[1] : corner[1] + side, corner[0] : corner[0] + side] = cv2.resize(
        picture, (side, side), interpolation=cv2.INTER_AREA
    )
    return canvas


# --- by name ---------------------------------------------------------------------------------------------------------


def test_unknown_detector_lists_the_known(source):
    for ask in (lambda: choose_detector("dlib"), lambda: DETECTORS.get("dlib")):
        with pytest.raises(
            OptionError,
            match="no detector 'dlib'; there are: auto, mediapipe, face-alignment, cascade, sidecar",
        ):
            ask()


def test_every_built_in_detector_declares_itself():
    for name in DETECTORS.built_in:
        kind, said = DETECTORS.get(name), declared(name)
        assert kind.name == name and said.has_landmarks is (name != "cascade")
    assert packages("face-alignment") == ("face-alignment",) and packages("cascade") == ("scikit-image",)
    assert packages("sidecar") == packages("auto") == packages("of a package that went away") == ()
    assert list(model_hashes("mediapipe")) == ["face_landmarker.task"]
    assert list(model_hashes("face-alignment")) == ["s3fd-619a316812.pth", "2DFAN4-11f355bf06.pth.tar"]


@pytest.fixture
def my_faces(tmp_path, monkeypatch):
    """Installs a package with a detector ``everywhere`` that declares so much more."""

    def install(declarations=""):
        (tmp_path / "my_faces.py").write_text(
            "from speechlip.assets import Asset\nfrom speechlip.records import MouthPlace\n"
            "class Everywhere:\n    name, has_landmarks = 'everywhere', False\n"
            f"    {declarations}\n    def __init__(self, source): pass\n"
            "    def detect(self, picture, index): return [index]\n    def close(self): pass\n"
        )
        facts = tmp_path / "my_faces-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: my-faces\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text("[speechlip.detectors]\neverywhere = my_faces:Everywhere\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "my_faces", raising=False)

    return install


def test_what_a_detector_of_another_package_declares_is_fetched_recorded_and_used(
    my_faces, no_models, tmp_path
):
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    my_faces(
        f"models = (Asset('mine', 'mine.bin', {weights.as_uri()!r}, 7, {digest!r}, 'MIT'),)\n"
        "    mouth_in_box = MouthPlace(0.5, 0.7, 0.3)"
    )
    assert choose_detector("everywhere") == ("everywhere", "")
    assert (no_models / "mine.bin").read_bytes() == b"weights"
    assert model_hashes("everywhere") == {"mine.bin": digest}
    assert packages("everywhere") == ("my-faces",)
    assert declared("everywhere").mouth_in_box == MouthPlace(0.5, 0.7, 0.3)


def test_another_package_can_add_one(my_faces, source):
    my_faces()
    assert declared("everywhere").mouth_in_box == EYEBROWS_TO_CHIN
    assert DETECTORS.names()[-1] == "everywhere" and choose_detector("everywhere") == ("everywhere", "")
    with open_detector("everywhere", source) as detector:
        assert detector.detect(np.zeros((2, 2, 3), np.uint8), 5) == [5]


def test_auto_without_model_or_network_is_cascade_and_says_why(no_models):
    name, why = choose_detector("auto")
    assert name == "cascade" and "face_landmarker.task" in why and str(no_models) in why and "\n" not in why


def test_auto_with_the_model_is_mediapipe(face_model):
    assert choose_detector("auto") == ("mediapipe", "detector mediapipe")


@pytest.mark.parametrize(
    ("name", "file"), [("mediapipe", "face_landmarker.task"), ("face-alignment", "s3fd-619a316812.pth")]
)
def test_a_detector_whose_model_is_missing_names_file_and_place(no_models, source, name, file):
    for ask in (lambda: choose_detector(name), lambda: open_detector(name, source).__enter__()):
        with pytest.raises(ModelError) as error:
            ask()
        assert file in str(error.value) and str(no_models) in str(error.value)


def test_a_detector_of_an_extra_names_it_before_anything_is_fetched(no_models, monkeypatch):
    monkeypatch.setitem(sys.modules, "face_alignment", None)
    with pytest.raises(
        ModelError,
        match=r"face_alignment is not installed: pip install -e '\.\[fan\]' in the clone of speechlip",
    ):
        choose_detector("face-alignment")


def test_a_missing_system_library_is_named_with_its_package(tmp_path, monkeypatch):
    (tmp_path / "needs_gl.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        ModelError, match=r"needs_gl needs libGL.so, which this system lacks: apt-get install libgl1"
    ):
        load("needs_gl")


def test_each_size_has_a_detector_of_its_own_and_few_are_open(tmp_path, monkeypatch, source):
    (tmp_path / "counting.py").write_text(
        "class Counting:\n    name, has_landmarks, live, opened = 'counting', False, set(), 0\n"
        "    def __init__(self, source): self.seen = set(); Counting.opened += 1; Counting.live.add(self)\n"
        "    def detect(self, picture, index): self.seen.add(picture.shape); return [len(self.seen)]\n"
        "    def close(self): Counting.live.remove(self)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(DETECTORS.built_in, "counting", "counting:Counting")
    pictures = [np.zeros((side, side, 3), np.uint8) for side in (8, 16, 8, 24, 32, 40, 8)]
    with open_detector("counting", source) as detector:
        assert [detector.detect(picture, index) for index, picture in enumerate(pictures)] == [[1]] * 7
        kind = DETECTORS.get("counting")
        assert len(kind.live) == 3 and kind.opened == 6
    assert not kind.live


# --- cascade ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", range(4))
def test_cascade_finds_drawn_faces_and_their_mouth(face, source, person):
    with open_detector("cascade", source) as detector:
        for index in range(3):
            picture, landmarks = face(person, x=2 * index)
            (found,) = detector.detect(picture, index)
    side = found.box[2] - found.box[0]
    place = (landmarks[MOUTH].mean(axis=0) - found.box[:2]) / side
    assert np.abs(place - (EYEBROWS_TO_CHIN.x, EYEBROWS_TO_CHIN.y)).max() < 0.06
    assert found.landmarks is None and 0.12 <= found.score <= 1


def test_cascade_finds_a_small_face_by_its_second_look(face, source):
    picture = put_into_landscape(
        face(0)[0], 80, (256, 454), (300, 120)
    )  # the face: 40 px of 454, so 28 px of 320
    with open_detector("cascade", source) as detector:
        (found,) = detector.detect(picture, 0)
    assert 335 < found.box[[0, 2]].mean() < 345 and 35 < found.box[2] - found.box[0] < 50


def test_cascade_follows_newcomers_and_gives_up_who_left(face, source):
    import cv2

    one, other = face(0)[0], cv2.resize(face(3)[0], (256, 256))
    nobody = np.full_like(one, 127)
    with open_detector("cascade", source) as detector:
        seen = [
            len(detector.detect(np.hstack([one, other if index > 3 else nobody]), index))
            for index in range(30)
        ]
        left = [len(detector.detect(np.hstack([nobody, nobody]), index)) for index in range(30, 60)]
    assert seen[0] == 1 and seen[-1] == 2 and seen.index(2) <= 26 and left == [0] * 30


def test_cascade_searches_a_faceless_video_rarely():
    searched = []

    class Counting(CascadeDetector):
        def _search(self, picture, index):
            searched.append(index)
            super()._search(picture, index)

    detector, empty = Counting(None), np.full((90, 160, 3), 90, np.uint8)
    for index in range(100):
        assert detector.detect(empty, index) == []
    assert searched == [0, 5, 15, 35, 55, 75, 95]


def test_two_places_are_one_face_when_one_covers_the_other():
    assert Place(50, 50, 40, 9, 0).covers(Place(55, 50, 40, 9, 0)) and Place(50, 50, 80, 9, 0).covers(
        Place(40, 60, 20, 9, 0)
    )
    assert not Place(50, 50, 40, 9, 0).covers(Place(80, 50, 40, 9, 0)) and not Place(50, 50, 40, 9, 0).covers(
        Place(200, 50, 40, 9, 0)
    )


@pytest.mark.parametrize("corner", [(-60, -60), (150, 150), (-60, 150)])
def test_cascade_at_the_border_of_the_frame(face, source, corner):
    picture = np.roll(face(0)[0], corner, axis=(1, 0))
    with open_detector("cascade", source) as detector:
        for index in range(8):
            detector.detect(picture, index)


# --- mediapipe -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", [0, 3])
def test_mediapipes_68_points_are_the_drawn_ones(face, face_model, source, person):
    with open_detector("mediapipe", source) as detector:
        gaps = []
        for index, opening in enumerate((0.0, 0.5, 1.0)):
            picture, exact = face(person, opening)
            (found,) = detector.detect(picture, index)
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


def test_mediapipe_finds_a_face_40_px_wide_in_a_454_px_frame_and_keeps_it(face, face_model, source):
    with open_detector("mediapipe", source) as detector:
        assert detector.detect(np.zeros((256, 454, 3), np.uint8), 0) == []
        for index in range(5, 15):
            corner = (300 + 2 * index, 120)
            (found,) = detector.detect(put_into_landscape(face(0)[0], 100, (256, 454), corner), index)
            exact = face(0)[1] * 100 / 256 + corner
            assert np.abs(found.landmarks[MOUTH].mean(axis=0) - exact[MOUTH].mean(axis=0)).max() < 2
    assert 35 < found.box[2] - found.box[0] < 55


def test_mediapipe_reads_strided_pictures_right(face, face_model, source):
    """The task reads a buffer as if it had no gaps between rows: decoders give views that have."""
    picture = face(0)[0]
    wide = np.zeros((256, 300, 3), np.uint8)
    wide[:, :256] = picture
    found = []
    for view in (picture, wide[:, :256]):
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
from conftest import draw_face
from speechlip.faces.detectors import open_detector
from speechlip.records import Source
digest = hashlib.sha256()
with open_detector("mediapipe", Source(Path(), "", "")) as detector:
    for index in range(6):
        digest.update(detector.detect(draw_face(1, index / 5, yaw=index)[0], index)[0].landmarks.tobytes())
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
    from speechlip.faces.mediapipe_landmarker import MediapipeLandmarker

    looked = []

    class Counting(MediapipeLandmarker):
        def _look_at(self, picture, region):
            looked.append(region)
            return super()._look_at(picture, region)

    detector, empty = Counting(source), np.full((256, 454, 3), 90, np.uint8)
    for index in range(100):
        assert detector.detect(empty, index) == []
    detector.close()
    assert len(looked) == 6 * 5  # six tiles each in frames 0, 5, 15, 35, 75


def test_a_file_that_is_no_model_is_refused(face_model, source):
    (face_model / "face_landmarker.task").write_bytes(b"no model")
    with pytest.raises(ModelError, match="wanted 64184e22"):
        open_detector("mediapipe", source).__enter__()


# --- sidecar ---------------------------------------------------------------------------------------------------------


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
