"""Which stretch of a video is rendered, and videos that are refused with a sentence."""

from dataclasses import replace

import numpy as np
import pytest
import small_person
from small_person import audio_of, images_of, landmarks_of, loudness, write_sidecar

from speechlip.errors import OptionError
from speechlip.faces.tracking.stage import FaceTracks
from speechlip.progress import SILENT
from speechlip.records import FaceTrack
from speechlip.rendering.material import decompose
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.person import Person, find_person, longest_stretch, refuse_others
from zoo import write_clip

SIDECAR = RenderOptions(detector="sidecar")


def find(path, detector="sidecar"):
    return find_person(path, SIDECAR, detector, SILENT)


def track(start, frames, left=50, width=100):
    box = np.array([left, 50, left + width, 150], np.float32)
    return FaceTrack(start, np.tile(box, (frames, 1)), np.ones(frames, np.float32), np.zeros(frames, bool))


def tracks_of(*tracks, frames=100, cuts=(), sizes=None):
    sizes = sizes or ((320, 240),) * frames
    return FaceTracks(tracks, tracks[:1], (), cuts, np.ones(frames, bool), sizes)


def test_ten_seconds_are_too_short(tmp_path):
    path = small_person.write_person(tmp_path / "brief.mp4", 10)
    with pytest.raises(OptionError, match=r"brief\.mp4: .* a face in 10\.0 s, at least 20 s are"):
        find(path)


def test_of_a_video_with_a_cut_the_longest_shot_is_rendered(tmp_path):
    loud = loudness(600)
    images = images_of(landmarks_of(loud))
    images[:75] = 255 - images[:75, ::-1]
    write_clip(tmp_path / "cut.mp4", images, audio_of(loud))
    write_sidecar(tmp_path / "cut.mp4", landmarks_of(loud))
    person = find(tmp_path / "cut.mp4")
    assert (person.start, len(person), len(person.audio)) == (75, 525, 525 * 640)
    assert "3.0 s are left out" in person.notes[0] and "3.00 to 24.00 s (cut at 3.00 s)" in person.notes[0]
    numbers = [number for number, _ in person.frames(520)]
    assert numbers == [520, 521, 522, 523, 524]


def test_a_face_that_leaves_the_frame_is_neither_learned_nor_moved(tmp_path):
    gone = [*range(100, 140), *range(530, 535)]
    person = find(small_person.write_person(tmp_path / "gone.mp4", 23, hide=gone))
    assert (~person.seen).sum() == 45 and "45 frames of 575 without a face: not learned from" in person.notes[
        0
    ]
    assert (person.tracks[100:140] == -1).all()  # too long to bridge
    assert (person.tracks[530:535] >= 0).all()  # a short hole is rendered, and not learned from
    material = decompose(person, SIDECAR, SILENT)
    assert np.isnan(material.affines[110]).all() and not material.crops[110].any()
    assert not {*gone} & {*material.train.tolist()} and material.crops[532].any()


class Shown(Person):
    """A person whose images are at hand."""

    def frames(self, first=0):
        return enumerate(self.path[first:], first)


def test_a_hand_over_the_mouth_is_in_its_own_frames_alone():
    """Two of 13 s of training are behind a hand: seen there, and hardly in what is learned of the others."""
    loud = loudness(360)
    points = landmarks_of(loud)
    free = images_of(points)
    covered = free.copy()
    for number in range(100, 150):
        x, y = points[number, 62].astype(int)
        covered[number, y - 14 : y + 20, x - 22 : x + 22] = (190, 140, 110)
    seen, tracks, audio = np.ones(360, bool), np.zeros(360, np.int32), audio_of(loud)
    without, behind = (
        decompose(Shown(images, None, 0, (128, 128), points, tracks, seen, audio, 360), SIDECAR, SILENT)
        for images in (free, covered)
    )
    apart = np.abs(without.crops.astype(int) - behind.crops).mean(axis=(1, 2, 3))
    assert apart[100:150].mean() > 15 and apart[150:].max() == 0 == apart[:100].max()
    oracle = [each.space.crops(each.codes[330:]).astype(int) for each in (without, behind)]
    assert np.abs(oracle[0] - oracle[1]).mean() < 2


def test_thirty_frames_a_second_become_twenty_five(tmp_path):
    person = find(small_person.write_person(tmp_path / "fast.mp4", 21, fps=30))
    assert len(person) == 525 and len(person.audio) == 525 * 640 and person.seen.all()


def test_without_audio_there_is_nothing_to_hear(tmp_path):
    write_clip(tmp_path / "mute.mp4", np.zeros((50, 64, 64, 3), np.uint8), None)
    with pytest.raises(OptionError, match=r"mute\.mp4 cannot be rendered: probe: no audio stream"):
        find(tmp_path / "mute.mp4")


def test_boxes_alone_are_no_landmarks(talking):
    video = sorted(talking.rglob("*.mp4"))[0]
    with pytest.raises(OptionError, match=r"detector cascade gives boxes only.*take --detector landmarker"):
        find(video, "cascade")


def test_a_video_without_a_face(tmp_path):
    write_clip(tmp_path / "wall.mp4", np.zeros((50, 64, 64, 3), np.uint8), np.zeros(32000, np.int16))
    write_sidecar(tmp_path / "wall.mp4", np.full((50, 68, 2), np.nan))
    with pytest.raises(OptionError, match=r"wall\.mp4: no face was found in 50 frames"):
        find(tmp_path / "wall.mp4")


def test_two_faces_in_the_foreground_are_refused():
    faces = tracks_of(track(0, 100), track(20, 60, left=200, width=60))
    with pytest.raises(OptionError, match=r"two faces in 60 frames, and a renderer learns one person; crop"):
        refuse_others("two.mp4", faces, 0, 100)


def test_a_small_or_brief_face_beside_is_no_second_person():
    refuse_others("two.mp4", tracks_of(track(0, 100), track(20, 60, left=200, width=40)), 0, 100)
    refuse_others("two.mp4", tracks_of(track(0, 100), track(20, 20, left=200)), 0, 100)


def test_real_two_people(real_cases, face_model):
    with pytest.raises(OptionError, match=r"two faces in|at least 20 s"):
        find(real_cases / "two_people.mp4", "landmarker")


def test_another_image_size_ends_a_stretch():
    sizes = ((320, 240),) * 40 + ((640, 480),) * 60
    assert longest_stretch(tracks_of(track(0, 100), sizes=sizes)) == (40, 100)
    assert longest_stretch(tracks_of(track(0, 30), cuts=(50,))) == (0, 30)


def test_a_face_that_comes_late_is_where_the_stretch_begins(tmp_path):
    person = find(small_person.write_person(tmp_path / "late.mp4", 25, hide=range(75)))
    assert (person.start, len(person)) == (75, 550) and "3.0 s are left out" in person.notes[0]


def test_a_training_part_without_the_face_is_refused(tmp_path):
    person = find(small_person.write_person(tmp_path / "absent.mp4", 40, hide=range(150, 500)))
    with pytest.raises(OptionError, match=r"absent\.mp4: the face is seen in 6\.0 s of the training part"):
        decompose(replace(person, seen=person.seen & (np.arange(len(person)) < 150)), SIDECAR, SILENT)
