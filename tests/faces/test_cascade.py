"""The cascade: boxes of faces, large and small, followed from frame to frame."""

import numpy as np
import pytest

from speechlip.faces.detectors.cascade import CascadeDetector, Place
from speechlip.faces.detectors.declared import EYEBROWS_TO_CHIN
from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.landmarks import MOUTH


@pytest.mark.parametrize("person", range(4))
def test_cascade_finds_synthetic_faces_and_their_mouth(face, source, person):
    with open_detector("cascade", source) as detector:
        for index in range(3):
            image, landmarks = face(person, x=2 * index)
            (found,) = detector.detect(image, index)
    side = found.box[2] - found.box[0]
    place = (landmarks[MOUTH].mean(axis=0) - found.box[:2]) / side
    assert np.abs(place - (EYEBROWS_TO_CHIN.x, EYEBROWS_TO_CHIN.y)).max() < 0.06
    assert found.landmarks is None and 0.12 <= found.score <= 1


def test_cascade_finds_a_small_face_by_its_second_look(face, source, put_into_landscape):
    image = put_into_landscape(
        face(0)[0], 80, (256, 454), (300, 120)
    )  # the face: 40 px of 454, so 28 px of 320
    with open_detector("cascade", source) as detector:
        (found,) = detector.detect(image, 0)
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
        def _search(self, image, index):
            searched.append(index)
            super()._search(image, index)

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
    image = np.roll(face(0)[0], corner, axis=(1, 0))
    with open_detector("cascade", source) as detector:
        for index in range(8):
            detector.detect(image, index)
