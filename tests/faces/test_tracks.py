"""Single faces → tracks, with numbers that can be checked by hand."""

import numpy as np
import pytest

from speechlip.errors import OptionError
from speechlip.faces.landmarks import MOUTH_CORNERS, RIGID, mean_face
from speechlip.faces.tracking.selection import select
from speechlip.faces.tracking.tracks import BRIEF, SMALL, TrackOptions, build_tracks
from speechlip.records import Face

STILL = TrackOptions(pose_frames=0, box_frames=0)


def box(x: float, y: float = 100, side: float = 80, score: float = 0.9) -> Face:
    return Face(np.array([x, y, x + side, y + side], np.float32), score)


def with_landmarks(points: np.ndarray) -> Face:
    points = points.astype(np.float32)
    return Face(np.concatenate([points.min(0), points.max(0)]), 1.0, points)


def spans(tracks) -> list[tuple[int, int]]:
    return [(track.start_frame, track.stop_frame) for track in tracks]


def test_one_face_is_one_track():
    (track,) = build_tracks([[box(100)] for _ in range(30)], [])[0]
    assert (
        (track.start_frame, len(track)) == (0, 30)
        and not track.interpolated.any()
        and track.landmarks is None
    )
    assert (
        track.boxes.dtype == np.float32
        and np.allclose(track.boxes, [100, 100, 180, 180])
        and np.allclose(track.scores, 0.9)
    )


def test_a_cut_ends_a_track_even_where_the_boxes_agree():
    assert spans(build_tracks([[box(100)] for _ in range(40)], [15])[0]) == [(0, 15), (15, 40)]


def test_several_faces_are_several_tracks_also_when_their_order_changes():
    frames = [[box(100 + i), box(300 - i)][:: 1 if i % 2 else -1] for i in range(30)]
    left, right = build_tracks(frames, [], STILL)[0]
    assert np.allclose(left.boxes[:, 0], 100 + np.arange(30)) and np.allclose(
        right.boxes[:, 0], 300 - np.arange(30)
    )


@pytest.mark.parametrize(("gap", "expected"), [(12, [(0, 42)]), (13, [(0, 15), (28, 43)])])
def test_gaps_up_to_twelve_frames_are_interpolated_and_marked_longer_ones_split(gap, expected):
    frames = [[box(100)]] * 15 + [[]] * gap + [[box(126)]] * 15
    tracks = build_tracks(frames, [], STILL)[0]
    assert spans(tracks) == expected
    if gap == 12:
        assert np.flatnonzero(tracks[0].interpolated).tolist() == list(range(15, 27))
        assert np.allclose(tracks[0].boxes[14:28, 0], np.arange(100, 128, 2))  # 26 px in 13 steps
        assert (tracks[0].scores[15:27] == 0).all()


def test_no_image_is_a_gap():
    (track,) = build_tracks([[box(100)]] * 8 + [None] * 4 + [[box(100)]] * 8, [], STILL)[0]
    assert spans([track]) == [(0, 20)] and track.interpolated.sum() == 4


def test_landmarks_are_interpolated_linearly():
    points = mean_face() * 10 + 200
    there = points + np.array([8, 0])
    frames = [[with_landmarks(points)]] * 6 + [[]] * 3 + [[with_landmarks(there)]] * 6
    (track,) = build_tracks(frames, [], STILL)[0]
    assert np.allclose(track.landmarks[5:10, 30, 0] - points[30, 0], [0, 2, 4, 6, 8], atol=1e-3)


def test_what_is_no_face_is_dropped_and_counted():
    frames = [[box(100)] for _ in range(40)]
    frames[7] = [box(100), box(400)]
    for i in range(20, 24):
        frames[i] = [box(100), box(500, 20)]
    for i in range(0, 40, 3):
        frames[i] = [*frames[i], box(700)]  # seen in every third frame
    for i in range(40):
        frames[i] = [*frames[i], box(900, side=20)]
    tracks, unfit = build_tracks(frames, [])
    assert spans(tracks) == [(0, 40)]
    assert [(face.reason, len(face.frames)) for face in unfit] == [
        (BRIEF, 1),
        (BRIEF, 4),
        (BRIEF, 14),
        (SMALL, 40),
    ]


@pytest.mark.parametrize(
    ("sides", "kept"), [((101, 60), True), ((60, 101), True), ((100, 60), False), ((60, 100), False)]
)
def test_syncnets_rule_is_the_longer_mean_side(sides, kept):
    """max(mean width, mean height) > 100, whatever the median width; over interpolated boxes too."""
    face = Face(np.array([10, 10, 10 + sides[0], 10 + sides[1]], np.float32), 0.9, None)
    tracks, unfit = build_tracks([[face]] * 20, (), TrackOptions(min_width_px=0, min_mean_side_px=100))
    assert (len(tracks), [face.reason for face in unfit]) == ((1, []) if kept else (0, [SMALL]))


def test_a_mean_is_no_median():
    small, large = (Face(np.array([0, 0, side, side], np.float32), 0.9, None) for side in (80, 140))
    tracks, _ = build_tracks(
        [[small]] * 11 + [[large]] * 9,
        (),
        TrackOptions(min_width_px=0, min_mean_side_px=100, pose_frames=0, box_frames=0),
    )
    assert len(tracks) == 1  # median 80, mean 107


def test_nothing_seen_is_no_track():
    assert build_tracks([], [])[0] == () and build_tracks([[], None, []], [1])[0] == ()


def test_jitter_goes_and_the_mouth_keeps_its_movement():
    rng = np.random.default_rng(0)
    n = 120
    opening = np.where(np.arange(n) % 4 < 2, 0.0, 1.0)  # as fast as 25 fps can show
    jitter = rng.normal(0, 1.0, (n, 1, 2))
    points = np.repeat(mean_face()[None] * 12 + 300, n, axis=0)
    points[:, 60:68, 1] += opening[:, None] * np.array([0, -3, -4, -3, 0, 6, 9, 6])
    frames = [[with_landmarks(shape)] for shape in points + jitter]
    (track,) = build_tracks(frames, [], TrackOptions(pose_frames=2.0))[0]
    gap = track.landmarks[:, 66, 1] - track.landmarks[:, 62, 1]
    assert np.allclose(gap, points[:, 66, 1] - points[:, 62, 1], atol=1e-2)
    before, after = (
        np.diff(jitter[:, 0], axis=0),
        np.diff(track.landmarks[:, list(RIGID)].mean(axis=1), axis=0),
    )
    assert after.std() < before.std() / 5


def test_smoothing_does_not_lag_behind_a_moving_head():
    frames = [[with_landmarks(mean_face() * 12 + (300 + 20 * np.sin(i / 8), 300))] for i in range(100)]
    raw, calm = (
        build_tracks(frames, [], TrackOptions(pose_frames=sigma))[0][0].landmarks[:, 30, 0]
        for sigma in (0, 1.5)
    )
    shift = [np.abs(calm[5 + s : 95 + s] - raw[5:95]).mean() for s in (-1, 0, 1)]
    assert np.argmin(shift) == 1 and shift[1] < 0.4


def test_tracks_do_not_depend_on_the_future_of_another_shot():
    first = [[box(100 + (i * 7) % 5)] for i in range(30)]
    alone = build_tracks(first, [])[0][0]
    followed = build_tracks(first + [[box(500)]] * 30, [30])[0][0]
    assert np.array_equal(alone.boxes, followed.boxes)


def test_largest_is_the_one_that_is_large_for_long_and_the_rest_of_others_is_kept():
    frames = [[box(100, side=100)] for _ in range(100)]
    for i in range(40, 55):
        frames[i].append(box(400, side=180))  # somebody walks by, close to the camera
    for i in range(90, 130):
        frames += [[]] if i >= len(frames) else []
        frames[i].append(box(700, side=60))
    tracks = build_tracks(frames, [], STILL)[0]
    assert spans(tracks) == [(0, 100), (40, 55), (90, 130)]
    assert spans(select(tracks, "all")) == spans(tracks)
    assert spans(select(tracks, "largest")) == [(0, 100), (100, 130)]


def test_largest_is_settled_per_shot():
    shots = [[box(100, side=100), box(400, side=60)]] * 20 + [[box(100, side=60), box(400, side=100)]] * 20
    kept = select(build_tracks(shots, [20], STILL)[0], "largest")
    assert [(track.start_frame, float(track.boxes[0, 0])) for track in kept] == [(0, 100.0), (20, 400.0)]


def test_another_word_is_refused():
    with pytest.raises(OptionError, match="no selection of faces 'best'; there are: largest, all"):
        select((), "best")


def test_corners_of_the_mouth_are_where_they_should_be():
    left, right = mean_face()[list(MOUTH_CORNERS)]
    assert left[0] < 0 < right[0]
