"""Copies of a recording are found, however they were made; other speech of the same person is not."""

import numpy as np
import pytest
from copies import cut, faster, mirrored, reencoded, slower

import zoo
from speechlip.doubles.fingerprint import fingerprint
from speechlip.doubles.pairs import AUDIO, BOTH, double_pairs

COPIES = {
    "re-encoded": (reencoded, 1.0, 0.0),
    "mirrored": (mirrored, 1.0, 0.0),
    "cut": (cut, 1.0, -1.2),
    "faster": (faster, 1 / 1.05, 0.0),
    "slower": (slower, 1.05, 0.0),
}


@pytest.fixture(scope="module")
def prints(talks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("talks")
    paths = [zoo.write_clip(folder / f"{number}.mp4", *talk) for number, talk in enumerate(talks)]
    return [fingerprint(path, path.name) for path in paths]


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_found_where_it_lies(prints, talks, tmp_path, how):
    make, speed, offset_s = COPIES[how]
    frames, audio, options = make(*talks[0])
    copy = fingerprint(zoo.write_clip(tmp_path / "copy.mp4", frames, audio, **options), "copy")
    (pair,) = double_pairs([*prints, copy])
    assert (pair.first, pair.second, pair.kind) == ("0.mp4", "copy", BOTH)
    assert pair.speed == pytest.approx(speed, abs=0.01)
    assert pair.offset_s == pytest.approx(offset_s, abs=0.15)
    assert pair.second_share > 0.9 and pair.image_bits <= 6


def test_other_speech_of_one_person_before_the_same_images_is_no_double(prints):
    assert list(double_pairs(prints)) == []


def test_the_same_speech_before_other_images_is_named_as_such(prints, talks, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (4, 4, 3), np.uint8)
    frames = np.broadcast_to(np.kron(noise, np.ones((32, 32, 1), np.uint8)), (len(talks[0][0]), 128, 128, 3))
    copy = fingerprint(zoo.write_clip(tmp_path / "voice.mp4", frames, talks[0][1]), "voice")
    (pair,) = double_pairs([*prints, copy])
    assert pair.kind == AUDIO and pair.image_bits > 14


def test_two_of_one_group_are_not_compared(prints):
    again = prints[0]
    assert len(list(double_pairs([prints[0], again], groups=[0, 1]))) == 1
    assert list(double_pairs([prints[0], again], groups=[7, 7])) == []


def test_of_real_clips_two_are_one_recording_and_no_others(real_clips):
    """The crops of SadTalker's and video-retalking's examples differ, the speech is the same."""
    paths = sorted(path for path in real_clips.glob("*.mp4") if "noaudio" not in path.name)
    pairs = list(double_pairs([fingerprint(path, path.name) for path in paths]))
    assert [(pair.first, pair.second) for pair in pairs] == [("hdtf_1.mp4", "videoretalking_3.mp4")]
    assert pairs[0].offset_s == pytest.approx(0, abs=0.05) and pairs[0].second_share > 0.95
