"""Anchors, boxes, regions: the arithmetic between the two networks, by hand."""

import math

import numpy as np
import pytest

from speechlip.faces.detectors.landmarker import boxes, regions
from speechlip.faces.detectors.landmarker.boxes import Detection
from speechlip.faces.detectors.landmarker.regions import Region


def test_anchors_are_the_centres_of_two_grids():
    """MediaPipe's SSD anchors: strides 8, 16, 16, 16, two anchors of fixed size a stride."""
    by_hand = [((x + 0.5) / 16, (y + 0.5) / 16) for y in range(16) for x in range(16) for _ in range(2)]
    by_hand += [((x + 0.5) / 8, (y + 0.5) / 8) for y in range(8) for x in range(8) for _ in range(6)]
    assert boxes.anchors().shape == (896, 2)
    assert np.allclose(boxes.anchors(), by_hand)


def test_a_box_is_counted_from_its_anchor_in_128ths():
    regressors, logits = np.zeros((896, 16), np.float32), np.full(896, -5, np.float32)
    regressors[895] = [-12.8, -25.6, 25.6, 38.4, *[-128, 0] * 6]
    logits[895] = math.log(3)  # sigmoid: 3 / 4
    (face,) = boxes.decode(regressors, logits)
    x, y = 0.9375 - 0.1, 0.9375 - 0.2
    assert face.box == pytest.approx([x - 0.1, y - 0.15, x + 0.1, y + 0.15])
    assert face.keypoints == pytest.approx(np.tile([0.9375 - 1, 0.9375], (6, 1)))
    assert face.score == pytest.approx(0.75)


def test_a_score_of_half_counts_and_less_does_not():
    logits = np.full(896, -1e-3, np.float32)
    assert boxes.decode(np.ones((896, 16), np.float32), logits) == []
    logits[0] = 0
    assert [face.score for face in boxes.decode(np.ones((896, 16), np.float32), logits)] == [0.5]
    logits[0] = 1e4
    assert [face.score for face in boxes.decode(np.ones((896, 16), np.float32), logits)] == [1]


def test_overlapping_boxes_become_their_mean_weighted_by_score():
    """0.9 and 0.6 overlap by an IoU of 0.12 / 0.2; 0.7 stands apart."""
    given = np.array([[0.1, 0, 0.5, 0.4], [0.6, 0.6, 0.9, 0.9], [0, 0, 0.4, 0.4]])
    keypoints = np.arange(36).reshape(3, 6, 2) / 36
    first, second = boxes.merge(given, keypoints, np.array([0.6, 0.7, 0.9]))
    assert first.box == pytest.approx([0.1 * 0.6 / 1.5, 0, (0.5 * 0.6 + 0.4 * 0.9) / 1.5, 0.4])
    assert first.keypoints[0] == pytest.approx([(0 * 0.6 + 24 * 0.9) / 1.5 / 36, (0.6 + 25 * 0.9) / 1.5 / 36])
    assert second.box == pytest.approx(given[1])
    assert (first.score, second.score) == (0.9, 0.7)


def test_the_region_of_a_detection():
    """The image, 200 × 100, lies in the middle of the 200 × 200 that the detector saw."""
    eyes = [[0.4, 0.3], [0.6, 0.5]]
    detection = Detection(np.array([0.25, 0.25, 0.75, 0.5]), np.array([*eyes, *[[0, 0]] * 4]), 0.9)
    region = regions.of_detection(detection, (100, 200, 3))
    assert (region.x, region.y, region.side) == pytest.approx((100, 25, 150))
    assert region.turn == pytest.approx(math.pi / 4)


def test_the_region_of_points():
    """Points that fill a rectangle of 80 × 120, turned by 30 degrees around (300, 200)."""
    points = np.random.default_rng(0).uniform([-40, -60], [40, 60], (478, 2))
    points[0], points[1] = (-40, -60), (40, 60)
    points[[33, 263]] = [[-20, 10], [20, 10]]
    turn = math.radians(30)
    turned = [
        (x * math.cos(turn) - y * math.sin(turn) + 300, x * math.sin(turn) + y * math.cos(turn) + 200)
        for x, y in points
    ]
    region = regions.of_points(np.array(turned))
    assert (region.x, region.y, region.side, region.turn) == pytest.approx((300, 200, 1.5 * 120, turn))


@pytest.mark.parametrize(
    ("turn", "corner", "next_to_it"), [(0, (90, 40), (110, 40)), (math.pi / 2, (110, 40), (110, 60))]
)
def test_a_square_of_10_px_lies_in_the_image_where_its_region_is(turn, corner, next_to_it):
    matrix = Region(100, 50, 20, turn).matrix(10)
    assert matrix @ [5, 5, 1] == pytest.approx([100, 50])
    assert matrix @ [0, 0, 1] == pytest.approx(corner)
    assert matrix @ [10, 0, 1] == pytest.approx(next_to_it)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Region(100, 100, 150, 1.0), True),
        (Region(150, 100, 150, 0), True),  # faces of 100 px, half shared: 1/3
        (Region(160, 100, 150, 0), False),  # 0.4 shared: 0.25
        (Region(100, 100, 75, 0), False),  # a face in a face: 1/4
        (Region(100, 100, 90, 0), True),  # 0.36
        (Region(300, 100, 150, 0), False),
    ],
)
def test_regions_are_of_one_face_where_their_faces_overlap(other, same):
    region = Region(100, 100, 150, 0)
    assert region.same_face(other) is other.same_face(region) is same
