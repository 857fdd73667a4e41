"""Who speaks: mouths whose law is known, synthetic heads side by side, and a real file."""

import json
import tracemalloc

import numpy as np
import pytest

from speechlip.errors import OptionError
from speechlip.lipsync.phones import expected_mouth
from speechlip.lipsync.speaking import ALONE, UNDECIDED, shares, speakers
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.prepare import prepare
from speechlip.records import FaceTrack
from zoo import read_clip


@pytest.fixture(scope="module")
def heads(talking):
    """(landmarks, audio) of four synthetic speakers, 2.4 s and more of each."""
    loaded = []
    for clip in sorted(talking.rglob("*.mp4")):
        _, audio = read_clip(clip)
        with np.load(clip.with_name(clip.stem + ".landmarks.npz")) as sidecar:
            landmarks = sidecar["landmarks"]
        frames = min(len(landmarks), len(audio) // 640)
        if frames >= 60:
            loaded.append((landmarks[:frames], audio[: frames * 640]))
    return loaded


def track(landmarks, start=0):
    n = len(landmarks)
    boxes = np.tile(np.array([0, 0, 90, 90], np.float32), (n, 1))
    return FaceTrack(start, boxes, np.ones(n, np.float32), np.zeros(n, bool), landmarks)


def test_two_people_talk_in_turn(heads):
    """Each moves the mouth while it speaks, and jitters while it listens."""
    (one, audio_one), (two, audio_two) = sorted(heads, key=lambda head: -len(head[0]))[:2]
    first, second = len(one), len(two)
    random = np.random.default_rng(0)

    def rest(landmarks, frames):
        return np.repeat(landmarks[:1], frames, axis=0) + random.normal(0, 0.3, (frames, 68, 2))

    left = track(np.concatenate([one, rest(one, second)]))
    right = track(np.concatenate([rest(two, first), two]))
    owner = speakers(expected_mouth(np.concatenate([audio_one, audio_two])), [left, right])
    assert np.mean(owner[: first - 25] == 0) > 0.75 and np.mean(owner[first + 25 :] == 1) > 0.75
    wrong = np.concatenate([owner[: first - 25] == 1, owner[first + 25 :] == 0])
    assert not wrong.any()


def test_a_face_alone_is_not_judged(heads):
    landmarks, audio = heads[0]
    owner = speakers(np.zeros_like(expected_mouth(audio)), [track(landmarks)])
    assert (owner == ALONE).all()
    assert list(shares(owner, [track(landmarks)], 5)) == [(0, (0, len(landmarks)))]


def test_nobody_follows_silence_and_two_copies_are_undecided(heads):
    landmarks, audio = heads[0]
    expected = expected_mouth(audio)
    twins = [track(landmarks), track(landmarks)]
    assert (speakers(expected, twins) == UNDECIDED).all()
    assert (speakers(np.zeros_like(expected), twins) == UNDECIDED).all()
    assert list(shares(speakers(expected, twins), twins, 5)) == []


def test_faces_together_for_a_second_are_undecided(heads):
    landmarks, audio = heads[0]
    other = track(heads[1][0][:25], 10)
    owner = speakers(expected_mouth(audio), [track(landmarks), other])
    assert (owner[:10] == ALONE).all() and (owner[10:35] == UNDECIDED).all() and (owner[35:] == ALONE).all()
    assert list(shares(owner, [track(landmarks), other], 5)) == [(0, (0, 10)), (0, (35, len(landmarks)))]


def test_memory_does_not_grow_with_frames_times_tracks():
    """200 shots of two faces: a table of all tracks by all frames would take 120 MB."""
    landmarks = np.random.default_rng(0).normal(size=(50, 68, 2)).astype(np.float32)
    tracks = [track(landmarks, 50 * shot) for shot in range(200) for _ in range(2)]
    tracemalloc.start()
    owner = speakers(np.zeros((10_000, 4)), tracks)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (owner == UNDECIDED).all() and peak_bytes < 10e6


@pytest.mark.parametrize(("faces", "left"), [("largest", False), ("speaking", True)])
def test_the_smaller_face_that_speaks_is_taken(real_cases, face_model, tmp_path, faces, left):
    prepared = prepare(real_cases / "two_people.mp4", tmp_path / "out", PrepOptions(faces=faces))
    (row,) = prepared.rows
    widths = row.face_widths_px  # 128 px the one who speaks, 257 the other
    assert row.seconds_kept > 0.8 * row.seconds and (max(widths) < 200) is left, widths
    said = " ".join(prepared.warnings)
    assert ("--faces speaking takes the one whose mouth follows" in said) is not left
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["options"]["faces"] == faces


def test_boxes_have_no_mouths(talking, tmp_path):
    with pytest.raises(OptionError, match="--faces speaking looks at landmarks of mouths"):
        prepare(talking, tmp_path / "out", PrepOptions(faces="speaking", detector="cascade"))
