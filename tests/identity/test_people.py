"""Who is seen in which video: grouped by face, called by name; people of one video told apart."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from speechlip.errors import ModelError
from speechlip.faces.landmarks import mean_face
from speechlip.identity import network
from speechlip.identity.people import named, who_is_where
from speechlip.identity.video_faces import (
    NO_FACE,
    TOO_SMALL,
    TURNED,
    Sight,
    VideoFaces,
    told_apart,
    video_faces,
    why_not,
)
from speechlip.media.probe import probe
from speechlip.records import Face, Source


def one_hot(at):
    point = np.zeros(128, np.float32)
    point[at] = 1
    return point


ANN, BEA, CAT = one_hot(0), one_hot(1), one_hot(2)
NEAR_ANN = ANN * np.float32(0.9)


def test_one_person_under_two_names_and_two_in_one_video():
    faces = {
        "x/1": VideoFaces((ANN,)),
        "y/2": VideoFaces((NEAR_ANN, BEA)),
        "z/3": VideoFaces((BEA,)),
        "z/4": VideoFaces((CAT,)),
        "w/5": VideoFaces(),
    }
    speakers = {name: name[0] for name in faces}
    for order in (list(faces), list(faces)[::-1]):
        who = who_is_where({name: faces[name] for name in order}, speakers, 0.5)
        assert who.of_video == {"w/5": (), "x/1": (0,), "y/2": (0, 1), "z/3": (1,), "z/4": (2,)}
        ann, bea = who.under_two_names
        assert (ann.videos, ann.speakers, ann.distance) == (("x/1", "y/2"), ("x", "y"), 0.1)
        assert (bea.videos, bea.speakers, bea.distance) == (("y/2", "z/3"), ("y", "z"), 0.0)


def test_people_are_called_by_a_name_that_is_theirs_alone():
    """x and y are one person, so x; under z are two people, so each by the first of their videos."""
    faces = {"x/1": VideoFaces((ANN,)), "y/2": VideoFaces((ANN,)), "z/3": VideoFaces((BEA,))}
    faces["z/4"] = VideoFaces((CAT,))
    speakers = {name: name[0] for name in faces}
    assert named(who_is_where(faces, speakers, 0.5), speakers) == {0: "x", 1: "z/3", 2: "z/4"}


def test_two_people_of_the_same_videos_have_two_names():
    """Both are seen in both, under one name: each is called by the video in which it is the larger one."""
    faces = {"show/1": VideoFaces((ANN, BEA)), "show/2": VideoFaces((BEA, ANN))}
    speakers = dict.fromkeys(faces, "show")
    assert named(who_is_where(faces, speakers, 0.5), speakers) == {0: "show/1", 1: "show/2"}


def test_two_people_of_one_video_are_told_apart_and_passers_by_left_out():
    sights = [Sight(BEA, 80.0), Sight(ANN, 60.0), Sight(NEAR_ANN, 60.0), Sight(BEA, 80.0), Sight(CAT, 300.0)]
    first, second = told_apart(sights)
    np.testing.assert_allclose(first, BEA)
    np.testing.assert_allclose(second, (ANN + NEAR_ANN) / 2)
    assert len(told_apart([Sight(CAT, 90.0)])) == 1, "whoever is seen alone and once counts"
    assert told_apart([]) == []


@pytest.mark.parametrize(("first", "then", "kept"), [(2, 1, 2), (2, 4, 4), (3, None, 3)])
def test_images_that_show_fewer_faces_do_not_replace_those_that_show_more(monkeypatch, first, then, kept):
    """A long film whose first minute is black shows its people in key images alone."""
    looks = iter([first, then])

    def seen_in(source, images, detector):
        n = next(looks)
        return [Sight(ANN, 90.0)] * n, Counter({"can be told": n})

    monkeypatch.setattr("speechlip.identity.video_faces.seen_in", seen_in)
    found = video_faces(Source(Path("a"), "a", "a"), None, "landmarker")
    assert found.seen == {"can be told": kept} and len(found.people) == 1


def test_faces_that_do_not_tell_who_they_are_have_a_reason():
    image = np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8)
    points = (mean_face() * 10 + 200).astype(np.float32)

    def why(landmarks, width=100.0):
        return why_not(image, Face(np.array([100, 100, 100 + width, 250], np.float32), 1.0, landmarks))

    assert why(points) == ""
    assert why(None) == why(np.full((68, 2), np.nan, np.float32)) == NO_FACE
    assert why(points, width=20.0) == TOO_SMALL
    assert why_not(image // 64 * 0, Face(np.array([100, 100, 200, 250]), 1.0, points)) == "face blurred"
    assert VideoFaces((), {TURNED: 2, TOO_SMALL: 1}).why_unknown == (
        "in 3 images: face too small 1 time, face turned away 2 times"
    )


def test_a_face_turned_away_is_said_as_such():
    """The rigid points of a head that is turned by 60 degrees, in parallel projection."""
    from speechlip.describing.head_pose import rigid_face
    from speechlip.faces.landmarks import RIGID

    angle = np.radians(60)
    points = mean_face()
    rigid = rigid_face()
    points[list(RIGID), 0] = rigid[:, 0] * np.cos(angle) - rigid[:, 2] * np.sin(angle)
    landmarks = (points * 10 + 200).astype(np.float32)
    image = np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8)
    assert why_not(image, Face(np.array([100, 100, 200, 250]), 1.0, landmarks)) == TURNED


def test_a_face_is_turned_upright_wherever_it_lies(dlib):
    """The same face in an image turned by a right angle gives nearly the same upright face."""
    rng = np.random.default_rng(3)
    image = np.kron(rng.integers(0, 255, (25, 25, 3), np.uint8), np.ones((16, 16, 1), np.uint8))
    points = (mean_face() * 8 + 200).astype(np.float32)
    first = network.upright(image, points)
    assert first.shape == (150, 150, 3)
    turned = np.ascontiguousarray(np.rot90(image))
    moved = np.stack([points[:, 1], 400 - points[:, 0]], axis=1)
    assert np.abs(network.upright(turned, moved).astype(int) - first).mean() < 12


def test_without_the_extra_it_says_what_to_type(monkeypatch):
    monkeypatch.setattr("speechlip.libraries.there", lambda name: name != "dlib")
    with pytest.raises(ModelError, match=r"dlib is not installed: pip install -e '\.\[identity\]'"):
        network.refuse_missing()
    monkeypatch.setattr("speechlip.libraries.there", lambda name: name == "dlib")
    with pytest.raises(ModelError, match=r"face_recognition_models is not installed: pip install"):
        network.refuse_missing()


def test_another_file_of_weights_is_refused(dlib, monkeypatch):
    monkeypatch.setattr(network, "SHA256", "0" * 64)
    with pytest.raises(ModelError, match="is another file than is wanted: SHA-256"):
        network.weights_file.__wrapped__()


def test_the_package_is_read_and_not_imported(dlib):
    assert network.weights_file().name == "dlib_face_recognition_resnet_model_v1.dat"
    assert "face_recognition_models" not in sys.modules


def test_faces_of_real_clips_tell_one_recording_and_no_other(real_clips, face_model, dlib):
    """hdtf_1 and videoretalking_3 are one recording, videoretalking_1 is of another person."""
    names = ["hdtf_1.mp4", "videoretalking_3.mp4", "videoretalking_1.mp4"]
    sources = [Source(real_clips / name, name, name) for name in names]
    faces = {each.name: video_faces(each, probe(each.path), "landmarker") for each in sources}
    (one,) = who_is_where(faces, {name: name for name in names}).under_two_names
    assert one.videos == ("hdtf_1.mp4", "videoretalking_3.mp4") and one.distance < 0.3


def test_two_people_on_screen_are_two(real_cases, face_model, dlib):
    path = real_cases / "two_people.mp4"
    assert len(video_faces(Source(path, path.name, "x"), probe(path), "landmarker").people) == 2
