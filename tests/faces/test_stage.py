"""Detect → track → select: a detector that says what it is told, and what comes out frame by frame."""

import numpy as np
import pytest

from speechlip.errors import OptionError
from speechlip.faces.crops import plan_crop
from speechlip.faces.tracking.stage import FaceStage
from speechlip.faces.tracking.tracks import BRIEF, SMALL, TrackOptions
from speechlip.records import Face, MouthPlace

STILL = TrackOptions(pose_frames=0, box_frames=0)
BLACK = np.zeros((72, 128, 3), np.uint8)


class Told:
    """Gives the faces that it was made with, frame by frame."""

    name, has_landmarks = "told", True

    def __init__(self, faces):
        self.faces, self.asked = faces, []

    def detect(self, image, index):
        self.asked.append(index)
        return self.faces[index]


def box(x, side=80, landmarks=None):
    return Face(np.array([x, 100, x + side, 100 + side], np.float32), 0.9, landmarks)


def seen(faces, images=None):
    stage = FaceStage(Told(faces))
    for index in range(len(faces)):
        stage.see(BLACK if images is None else images[index], index)
    return stage


def spans(tracks):
    return [(track.start_frame, track.stop_frame) for track in tracks]


def test_faces_at_once_count_small_ones_and_no_false_ones():
    """A large face throughout, a second in frames 10 … 29, one of 24 px in 20 … 29, a false detection in
    frame 3.
    """
    frames = [[box(100)] for _ in range(40)]
    frames[3].append(box(600))
    for index in range(10, 30):
        frames[index].append(box(300))
    for index in range(20, 30):
        frames[index].append(box(500, 24))
    faces = seen(frames).finish(selection="all", options=STILL)
    assert faces.at_once.tolist() == [1] * 10 + [2] * 10 + [3] * 10 + [1] * 10
    assert [(face.reason, face.frames[0], face.frames[-1], face.width_px) for face in faces.unfit] == [
        (BRIEF, 3, 3, 80),
        (SMALL, 20, 29, 24),
    ]
    assert faces.small == faces.unfit[1:] and faces.dropped == {SMALL: 10, BRIEF: 1}
    assert np.flatnonzero(faces.small_seen).tolist() == list(range(20, 30))
    assert spans(faces.selected) == spans(faces.tracks) == [(0, 40), (10, 30)]


def test_the_largest_face_gives_boxes_and_landmarks_of_every_frame_in_which_it_was_seen():
    points = np.arange(136, dtype=np.float32).reshape(68, 2)
    frames = [[box(100, 80, points), box(300, 40, points + 1)] for _ in range(30)]
    frames[12] = [frames[12][1]]  # the large face is missing in one frame
    faces = seen(frames).finish(options=STILL)
    assert spans(faces.selected) == [(0, 30)]
    assert np.flatnonzero(np.isnan(faces.landmarks[:, 0, 0])).tolist() == [12]
    np.testing.assert_allclose(faces.landmarks[11], points, atol=1e-3)
    np.testing.assert_allclose(faces.boxes[12], [100, 100, 180, 180])


def test_frames_without_image_are_not_shown_to_the_detector():
    images = [None] * 10 + [BLACK] * 20 + [None] * 5
    stage = seen([[box(10)]] * 35, images)
    faces = stage.finish()
    assert stage._detector.asked == list(range(10, 30))
    assert faces.n_frames == 35 and faces.has_image.tolist() == faces.face_seen.tolist()
    assert np.flatnonzero(faces.has_image).tolist() == list(range(10, 30)) and spans(faces.tracks) == [
        (10, 30)
    ]
    assert np.isnan(faces.boxes[:10]).all() and faces.landmarks is None


def test_tracks_end_where_the_shot_the_size_or_the_recording_does():
    images = [BLACK] * 20 + [np.full_like(BLACK, 200)] * 20 + [np.full((90, 160, 3), 200, np.uint8)] * 20
    faces = seen([[box(10)]] * 60, images).finish(joins=[50])
    assert faces.cuts == (20, 40, 50)
    assert spans(faces.tracks) == [(0, 20), (20, 40), (40, 50), (50, 60)]
    assert [faces.size_of(track) for track in faces.tracks] == [(128, 72)] * 2 + [(160, 90)] * 2


def test_a_crop_takes_the_mouth_from_where_the_detector_says_it_is():
    """The mouth in the middle of the box and half as wide: 96 px show 1.9 mouths, so 1.9 · 40 px."""
    stage = FaceStage(Told([[box(100)]] * 10))
    stage._detector.mouth_in_box = MouthPlace(0.5, 0.5, 0.5)
    for index in range(10):
        stage.see(BLACK, index)
    (track,) = stage.finish().selected
    affine = plan_crop(track).affines[4]
    np.testing.assert_allclose(affine @ (140, 140, 1), (48, 48), atol=1e-4)
    np.testing.assert_allclose(affine @ (140 + 1.9 * 20, 140, 1), (96, 48), atol=1e-4)


def test_no_face_and_another_word():
    faces = seen([[]] * 6).finish()
    assert not faces.face_seen.any() and faces.tracks == faces.selected == () and faces.landmarks is None
    with pytest.raises(OptionError, match="no selection of faces 'best'; there are: largest, all"):
        seen([[]] * 6).finish(selection="best")
