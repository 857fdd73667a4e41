"""The rules of ffmpeg's generations, held against frames that binaries of 4.2.2, 5.1.9, 7.0.2 and 9.0.2
really wrote (benchmarks/transcode_delay.py).
"""

from fractions import Fraction

import pytest

from speechlip.errors import OptionError
from speechlip.scoring import protocols
from speechlip.scoring.transcode.binary import Ffmpeg, find
from speechlip.scoring.transcode.rules import CFR, GENERATIONS, frames_out, generation
from speechlip.scoring.transcode.times import audio_times, read_again, video_delay_s

TEN_A_SECOND = [0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4]
OLD, NEW, ALL = ("4.2",), ("7.0", "9.0"), ("4.2", "7.0", "9.0")
AVI, MP4 = protocols.AVI_MP3, protocols.MP4_AAC
# What the JPEG files of the published commands showed, by frame rate, transcode and generation:
# H.264 in MP4 with AAC at 16 kHz, both from 0 on.
MEASURED = [
    ("24", AVI, OLD, "0 0 1 1 2 3 4 5 6 7 8 9 10 11 12 12 13 14 15 16 17 18 19 20 21 22"),
    ("24", AVI, NEW, "0 0 1 1 2 3 4 5 6 7 8 9 10 11 11 12 13 14 15 16 17 18 19 20 21 22"),
    ("24", MP4, OLD, "0 1 2 3 4 5 6 7 8 9 10 11 12 12 13 14 15 16 17 18 19 20 21 22 23 24"),
    ("24", MP4, NEW, "0 1 2 3 4 5 6 7 8 9 10 11 11 12 13 14 15 16 17 18 19 20 21 22 23 24"),
    ("25", AVI, ALL, "0 0 1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23"),
    ("25", MP4, ALL, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25"),
    ("30000/1001", AVI, OLD, "0 0 1 1 2 3 4 5 6 7 8 9 11 12 13 14 15 17 18 19 20 21 23 24 25 26"),
    ("30000/1001", AVI, NEW, "0 0 1 1 2 3 4 5 6 7 8 9 10 11 13 14 15 16 17 19 20 21 22 23 25 26"),
    ("30000/1001", MP4, OLD, "0 1 2 3 4 5 6 7 8 9 10 11 12 14 15 16 17 18 20 21 22 23 24 26 27 28"),
    ("30000/1001", MP4, NEW, "0 1 2 3 4 5 6 7 8 9 10 11 13 14 15 16 17 19 20 21 22 23 25 26 27 28"),
    ("30", AVI, OLD, "0 0 1 1 2 3 4 5 6 7 8 9 11 12 13 14 15 17 18 19 20 21 23 24 25 26"),
    ("30", AVI, NEW, "0 0 1 1 2 3 4 5 6 7 8 9 10 11 13 14 15 16 17 19 20 21 22 23 25 26"),
    ("30", MP4, OLD, "0 1 2 3 4 5 6 7 8 9 10 11 12 14 15 16 17 18 20 21 22 23 24 26 27 28"),
    ("30", MP4, NEW, "0 1 2 3 4 5 6 7 8 9 10 11 13 14 15 16 17 19 20 21 22 23 25 26 27 28"),
    ("50", AVI, OLD, "0 0 1 1 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30 32 34 36 38 40 42 44"),
    ("50", AVI, NEW, "0 0 1 1 2 3 5 7 9 11 13 15 17 19 21 23 25 27 29 31 33 35 37 39 41 43"),
    ("50", MP4, ALL, "0 1 2 3 5 7 9 11 13 15 17 19 21 23 25 27 29 31 33 35 37 39 41 43 45 47"),
    ("60000/1001", AVI, OLD, "0 0 1 1 3 5 8 10 12 15 17 20 22 24 27 29 32 34 36 39 41 44 46 48 51 53"),
    ("60000/1001", AVI, NEW, "0 0 1 1 2 4 6 9 11 14 16 18 21 23 26 28 30 33 35 38 40 42 45 47 50 52"),
    ("60000/1001", MP4, ALL, "0 1 2 4 6 9 11 14 16 18 21 23 26 28 30 33 35 38 40 42 45 47 50 52 54 57"),
    ("60", AVI, OLD, "0 0 1 1 3 5 8 10 12 15 17 20 22 24 27 29 32 34 36 39 41 44 46 48 51 53"),
    ("60", AVI, NEW, "0 0 1 1 2 4 6 9 11 14 16 18 21 23 26 28 30 33 35 38 40 42 45 47 50 52"),
    ("60", MP4, ALL, "0 1 2 4 6 9 11 14 16 18 21 23 26 28 30 33 35 38 40 42 45 47 50 52 54 57"),
]
# Lateness of the frames in ms through the AVI transcode at 16 kHz, measured by others on flash-and-click
# clips: fps → 4.2.2 (and 5.1.9), 7.0.2.
LATENESS_MS = {"25": (80, 80), "30": (126.6, 139.7), "50": (120, 140), "60": (113.4, 133.3)}


def shown(fps, codec_path, name, seconds=10):
    """Frame numbers at each frame, at 16 kHz, and the rate."""
    rate, rules = Fraction(fps), generation(name)
    timed = [(k / rate, 1 / rate, k) for k in range(int(seconds * rate))]
    method = rules.avi if codec_path == AVI else CFR
    written = list(frames_out(timed, Fraction(25), method, rules.whole_lengths, 1 / rate))
    moved = audio_times(codec_path, rules, Fraction(0), 16000).frames_moved
    return [
        written[i][1] for i in read_again(codec_path, [place for place, _ in written], moved, rules)
    ], rate


@pytest.mark.parametrize(("fps", "codec_path", "names", "numbers"), MEASURED)
def test_frames_stand_where_real_binaries_put_them(fps, codec_path, names, numbers):
    wanted = [int(number) for number in numbers.split()]
    for name in names:
        assert shown(fps, codec_path, name)[0][: len(wanted)] == wanted


@pytest.mark.parametrize("fps", LATENESS_MS)
def test_the_pictures_are_as_late_as_others_measured(fps):
    for name, measured in zip(("4.2", "7.0"), LATENESS_MS[fps], strict=True):
        numbers, rate = shown(fps, AVI, name)
        assert 1000 * video_delay_s(number / rate for number in numbers) == pytest.approx(measured, abs=0.5)


@pytest.mark.parametrize(("name", "measured"), [("4.2", 66.6), ("7.0", 60.0)])
def test_latentsyncs_hop_at_30_fps(name, measured):
    numbers, rate = shown("30", MP4, name)
    assert 1000 * video_delay_s(number / rate for number in numbers) == pytest.approx(measured, abs=0.5)


@pytest.mark.parametrize(
    ("codec_path", "name", "starts_ms", "late_ms"),
    [  # heard by a click through the published commands, audio at 16 kHz that starts so much after the frames
        *[(AVI, name, 0, 69.06) for name in ALL],
        *[(MP4, name, 0, 0) for name in ALL],
        (AVI, "4.2", 200, 69.06),
        (AVI, "7.0", 200, -130.94),
        (AVI, "9.0", 30, 39.06),
        (AVI, "7.0", 136, -66.94),
        (MP4, "4.2", 200, 0),
        (MP4, "7.0", 200, -136),
        (MP4, "9.0", 136, -72),
        (MP4, "9.0", 30, 0),
    ],
)
def test_the_sound_is_as_late_as_a_click_was_heard(codec_path, name, starts_ms, late_ms):
    times = audio_times(codec_path, generation(name), Fraction(starts_ms, 1000), 16000)
    assert 1000 * float(times.late_s) == pytest.approx(late_ms, abs=0.01)


def test_ten_frames_a_second_and_the_end():
    """What 4.2.2, 5.1.9, 7.0.2 and 9.0.2 made of 5 frames, 10 a second, into MP4: the last is repeated as
    often as the median of three.
    """
    tenths = [(Fraction(k, 10), Fraction(1, 10), k) for k in range(5)]
    for rules in GENERATIONS.values():
        numbers = [k for _, k in frames_out(tenths, Fraction(25), CFR, rules.whole_lengths, Fraction(1, 10))]
        assert numbers == TEN_A_SECOND


def test_unknown_names_list_the_known(tmp_path):
    with pytest.raises(OptionError, match=r"no ffmpeg generation '6'; there are: 4\.2, 7\.0, 9\.0"):
        generation("6")
    with pytest.raises(OptionError, match=r"no ffmpeg 'nothing-of-that-name'.*emulated are 4\.2, 7\.0, 9\.0"):
        find("nothing-of-that-name")
    with pytest.raises(OptionError, match="is no ffmpeg"):
        find("true")
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho ffmpeg version n5.0-static Copyright\n")
    program.chmod(0o755)
    assert find(str(program)) == Ffmpeg("4.2", str(program), "5.0")
