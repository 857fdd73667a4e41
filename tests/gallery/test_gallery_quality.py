"""The line on a clip's quality: every part of it, what is missing, what a hostile json says."""

import pytest

from speechlip.gallery.columns import ranges
from speechlip.gallery.quality import quality_words
from speechlip.gallery.summary import of_all
from speechlip.shards.sample_meta import SampleMeta

LEAST = {"n_frames": 50, "speaker": "anna", "source_sha256": "ab", "start_s": 4.0}


def words(**said):
    return quality_words(SampleMeta.of(LEAST | said))


def test_everything_that_is_said():
    angles = {
        f"{angle}{part}_deg": value
        for angle in ("yaw", "pitch", "roll")
        for part, value in (("", -0.4), ("_min", -12.6), ("_max", 9.5))
    }
    assert words(
        speech_share=0.964,
        face_width_px=211.4,
        face_width_share=0.412,
        **angles,
        head_movement_per_s=0.125,
        sharpness=99.6,
        brightness=120.2,
        brisque=31.4,
        blinks_per_minute=15.0,
        mouth_inside_share=0.9,
        interpolated_share=0.12,
        faces_max=2,
        sync_confidence=4.25,
        sync_offset_frames=-3,
    ) == [
        "speech in 96 %",
        "face 211 px, 0.41 of the frame",
        "yaw 0° (−13 … 10)",
        "pitch 0° (−13 … 10)",
        "roll 0° (−13 … 10)",
        "head moves 0.12 face widths a second",
        "sharpness 100",
        "brightness 120",
        "BRISQUE 31",
        "15 blinks a minute",
        "90 % of the crop in the frame",
        "face interpolated in 12 %",
        "2 faces at once",
        "sync confidence 4.2, offset −3 frames",
    ]


def test_what_is_as_it_should_be_is_not_said():
    assert words() == []
    assert words(mouth_inside_share=1.0, interpolated_share=0.0, faces_max=1) == []


def test_a_face_crop_and_its_mouth_are_told_apart():
    assert words(mouth_inside_share=1.0, face_inside_share=0.88) == ["88 % of the crop in the frame"]
    assert words(mouth_inside_share=0.5, face_inside_share=0.7) == [
        "70 % of the crop in the frame",
        "50 % of the mouth in the frame",
    ]


def test_the_ranges_of_all_clips():
    said = [{"yaw_deg": 12.0}, {"yaw_deg": -3.5}, {"yaw_deg": float("nan")}, {"speech_share": "much"}, {}]
    all_clips = of_all(SampleMeta.of(LEAST | each) for each in said)
    ((name, unit, *numbers, _),) = ranges(all_clips.values)
    assert (name, unit, numbers) == ("yaw_deg", "°", ["2", "-3.5", "4.25", "12"])


@pytest.mark.parametrize("value", ["<script>", [1], {}, float("nan"), float("inf"), None])
def test_what_is_no_number_is_left_out(value):
    assert words(sharpness=value, yaw_deg=value, faces_max=value, blinks_per_minute=3.0) == [
        "3 blinks a minute"
    ]
