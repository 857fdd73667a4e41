"""Detectors by name, and what each declares and needs."""

import hashlib
import sys
from dataclasses import replace

import numpy as np
import pytest

from speechlip import assets
from speechlip.errors import ModelError, OptionError
from speechlip.faces.detectors.declared import EYEBROWS_TO_CHIN
from speechlip.faces.detectors.opening import choose_detector, declared, model_hashes, open_detector, packages
from speechlip.faces.detectors.registry import DETECTORS
from speechlip.libraries import load
from speechlip.records import MouthPlace


@pytest.fixture
def no_models(tmp_path, monkeypatch):
    """A machine without model files and without network."""
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path))
    for name, asset in list(assets.ASSETS.items()):
        monkeypatch.setitem(assets.ASSETS, name, replace(asset, url=f"http://127.0.0.1:9/{asset.file_name}"))
    return tmp_path


def test_unknown_detector_lists_the_known(source):
    for ask in (lambda: choose_detector("dlib"), lambda: DETECTORS.get("dlib")):
        with pytest.raises(
            OptionError,
            match="no detector 'dlib'; there are: auto, landmarker, mediapipe, face-alignment, "
            "cascade, sidecar",
        ):
            ask()


def test_every_built_in_detector_declares_itself():
    for name in DETECTORS.built_in:
        kind, said = DETECTORS.get(name), declared(name)
        assert kind.name == name and said.has_landmarks is (name != "cascade")
    assert packages("face-alignment") == ("face-alignment",) and packages("cascade") == ("scikit-image",)
    assert packages("sidecar") == packages("auto") == packages("of a package that went away") == ()
    for name in ("landmarker", "mediapipe"):
        assert list(model_hashes(name)) == ["face_landmarker.task"]
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


@pytest.mark.parametrize("declarations", ["models = 5", "library = 'my-faces'"])
def test_a_declaration_that_cannot_be_read_is_one_sentence(my_faces, declarations):
    my_faces(declarations)
    with pytest.raises(
        OptionError, match=r"^detector 'everywhere', of another package, failed: .*Error: .*"
    ) as refused:
        choose_detector("everywhere")
    assert "\n" not in str(refused.value)


def test_another_package_can_add_one(my_faces, source):
    my_faces()
    assert declared("everywhere").mouth_in_box == EYEBROWS_TO_CHIN
    assert DETECTORS.names()[-1] == "everywhere" and choose_detector("everywhere") == ("everywhere", "")
    with open_detector("everywhere", source) as detector:
        assert detector.detect(np.zeros((2, 2, 3), np.uint8), 5) == [5]


def test_auto_without_model_or_network_is_cascade_and_says_why(no_models):
    name, why = choose_detector("auto")
    assert name == "cascade" and "face_landmarker.task" in why and str(no_models) in why and "\n" not in why


def test_auto_without_its_library_is_cascade_and_says_why(face_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.delitem(sys.modules, "ai_edge_litert.interpreter", raising=False)
    name, why = choose_detector("auto")
    assert name == "cascade" and "\n" not in why
    assert why.startswith(
        "detector cascade (boxes only, no landmarks), because landmarker cannot be used: "
        "ai_edge_litert.interpreter cannot be loaded: "
    )


def test_mediapipe_without_its_library_says_how_to_install_it(face_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(ModelError, match=r"mediapipe is not installed: pip install -e '\.\[mediapipe\]'"):
        choose_detector("mediapipe")


def test_auto_with_the_model_is_landmarker(face_model):
    assert choose_detector("auto") == ("landmarker", "detector landmarker")


@pytest.mark.parametrize(
    ("name", "file"), [("landmarker", "face_landmarker.task"), ("face-alignment", "s3fd-619a316812.pth")]
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
    images = [np.zeros((side, side, 3), np.uint8) for side in (8, 16, 8, 24, 32, 40, 8)]
    with open_detector("counting", source) as detector:
        assert [detector.detect(image, index) for index, image in enumerate(images)] == [[1]] * 7
        kind = DETECTORS.get("counting")
        assert len(kind.live) == 3 and kind.opened == 6
    assert not kind.live
