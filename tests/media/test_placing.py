"""The arithmetic of time, on numbers alone."""

from bisect import bisect_right
from collections import Counter
from contextlib import suppress
from fractions import Fraction
from itertools import islice, pairwise

import av
import numpy as np
import pytest
from flash_click import click_errors_ms, waveform

from speechlip.media.audio import cut_windows, place_audio
from speechlip.media.frames import read_ahead, read_frames
from speechlip.media.probe import probe
from speechlip.media.source_frames import display_spans, one_per_frame
from speechlip.media.streams.corrected import sentences


@pytest.mark.parametrize(
    "rate", ["10", "12.5", "24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "120"]
)
def test_images_are_on_average_neither_early_nor_late(rate):
    """Centre of the frame shown against that of the 40 ms: within half a source frame, centred on zero."""
    step = 1 / Fraction(rate)
    spans = ((k * step, (k + 1) * step, k) for k in range(int(40 * Fraction(rate))))
    shown = list(one_per_frame(spans, Counter()))
    late_s = [float((k + Fraction(1, 2)) * step - (i + Fraction(1, 2)) / 25) for i, k in enumerate(shown)]
    assert max(map(abs, late_s)) <= step / 2 + Fraction(1, 10**9) and len(shown) == pytest.approx(1000, abs=1)
    # where centres fall on a frame's first instant
    bias_s = {"50": 0.010, "30": 0.0033, "60": 0.0017, "10": 0.010}.get(rate, 0.0)
    assert np.mean(late_s) == pytest.approx(bias_s, abs=0.001)


@pytest.mark.parametrize("rate", ["10", "24", "30000/1001", "60000/1001", "variable"])
def test_the_same_frames_as_ffmpegs_fps_filter(rate):
    """Its default rounds stamps to the nearest tick, which is the same choice wherever no centre falls on a
    frame's first instant.
    """
    random = np.random.default_rng(2)
    steps = (
        random.integers(700, 9000, 200) if rate == "variable" else np.full(200, 90000 / float(Fraction(rate)))
    )
    ticks = [1 + round(float(tick)) for tick in np.cumsum([0, *steps])]
    ticks[0] = 0
    spans = zip(map(_seconds, ticks), map(_seconds, ticks[1:]), range(200), strict=False)
    shown = list(one_per_frame(spans, Counter()))
    filtered = _through_fps_filter(ticks[:-1])  # which cannot know how long the last frame lasts
    assert len(filtered) > 0.9 * len(shown) - 3 and shown[: len(filtered) - 1] == filtered[:-1]


@pytest.mark.parametrize("rate", ["24000/1001", "24", "25", "30000/1001", "30", "50", "60", "15"])
def test_as_many_frames_as_ffmpegs_fps_filter_gives(rate):
    """It rounds the end to the nearest tick, halves up: 30 frames/s end half-way where their number is 6 n +
    3, 50 where it is odd.
    """
    step = 1 / Fraction(rate)
    for count in range(1, 40):
        spans = ((k * step, (k + 1) * step, k) for k in range(count))
        assert len(list(one_per_frame(spans, Counter()))) == (25 * count * step + Fraction(1, 2)) // 1


def test_every_source_frame_at_25_is_one_frame_whatever_the_jitter_below_half_a_frame():
    jitter = [Fraction(int(ms), 1000) for ms in np.random.default_rng(0).integers(-19, 20, 500)]
    stamped = ((Fraction(k, 25) + jitter[k], Fraction(1, 25), k) for k in range(500))
    assert list(one_per_frame(display_spans(stamped, Fraction(0), Counter()), Counter())) == list(range(500))


def test_frames_without_order_are_counted():
    tally = Counter()
    stamps = [None, Fraction(0), Fraction(1, 25), Fraction(1, 25), None, Fraction(3, 25)]
    spans = list(
        display_spans(((stamp, Fraction(1, 25), k) for k, stamp in enumerate(stamps)), Fraction(0), tally)
    )
    assert [k for *_, k in spans] == [1, 2, 4, 5] and tally["dropped_frames"] == 2
    assert [start for start, *_ in spans] == [Fraction(k, 25) for k in range(4)]


def test_variable_rate_clip_against_bisection(real_clips):
    """videoretalking_1 ticks at 30 and drops a quarter of its frames; bisection says which frame each centre
    falls on.
    """
    path = real_clips / "videoretalking_1.mp4"
    with av.open(str(path)) as container:
        frames = [
            (frame.pts * frame.time_base, frame.to_ndarray(format="gray").mean())
            for frame in container.decode(video=0)
        ]
    times = [
        stamp - frames[0][0] for stamp, _ in frames
    ]  # exact: at 30/s every fifth centre falls on a frame's very first instant
    shown = [moment.image.frame.to_ndarray(format="gray").mean() for moment in read_frames(path, probe(path))]
    assert shown == [frames[bisect_right(times, (i + Fraction(1, 2)) / 25) - 1][1] for i in range(len(shown))]


@pytest.mark.parametrize("ppm", [-300, 0, 300])
def test_a_clock_that_drifts_is_followed(ppm):
    """60 s of AAC-sized frames whose stamps run away from their samples by 18 ms."""
    rate, clicks, stretch = 44100, [5.0, 25.0, 45.0, 58.0], 1 + ppm * 1e-6
    audio = waveform([click / stretch for click in clicks], rate, 60)
    tally = Counter()
    samples = _audio(_frames(audio, rate, lambda start: start / rate * stretch), tally, 1490)
    assert max(map(abs, click_errors_ms(samples, clicks))) <= 2.0
    assert tally["audio_gaps"] == 0 and tally["padded_samples"] == 0


def test_stamps_rounded_to_milliseconds_change_nothing():
    audio = waveform([0.5, 1.5], 44100, 2)
    exact = _audio(_frames(audio, 44100, lambda start: start / 44100), Counter(), 50)
    assert np.array_equal(
        exact, _audio(_frames(audio, 44100, lambda start: round(start / 44.1) / 1000), Counter(), 50)
    )


def test_a_jump_leaves_a_hole_and_moves_what_follows():
    audio, tally = waveform([0.5, 1.5], 48000, 2), Counter()
    moved = list(
        islice(
            cut_windows(
                place_audio(
                    _frames(audio, 48000, lambda start: start / 48000 + 0.4 * (start >= 48000)), tally
                ),
                tally,
            ),
            60,
        )
    )
    holes = [i for i, window in enumerate(moved) if window is None]
    samples = np.concatenate([np.zeros(640, np.int16) if window is None else window for window in moved])
    assert holes == list(range(25, 35)) and tally["audio_gaps"] == 1
    assert max(map(abs, click_errors_ms(samples, [0.5, 1.9]))) < 0.1


def test_a_stamp_that_the_next_one_denies_is_no_jump():
    """As the first packet of each page of Vorbis in Ogg: 10 ms late, and the next one goes on as if it had
    not been.
    """
    audio, tally = waveform([0.5, 1.5], 44100, 2), Counter()
    exact = _audio(_frames(audio, 44100, lambda start: start / 44100), Counter(), 49)
    late = _frames(audio, 44100, lambda start: (start + 448 * (start // 1024 % 7 == 5)) / 44100)
    assert (
        np.array_equal(exact, _audio(late, tally, 49)) and tally["audio_gaps"] == tally["padded_samples"] == 0
    )


def test_a_change_of_rate_and_layout_in_the_middle():
    parts = [
        (waveform([0.5], 48000, 1), 48000, "mono", 0.0),
        (np.repeat(waveform([0.5], 32000, 1), 2), 32000, "stereo", 1.0),
    ]
    frames = [
        entry
        for audio, rate, layout, at in parts
        for entry in _frames(audio, rate, lambda s, r=rate, a=at: s / r + a, layout)
    ]
    tally = Counter()
    assert max(map(abs, click_errors_ms(_audio(frames, tally, 49), [0.5, 1.5]))) < 0.1
    assert tally["audio_gaps"] == 0 and sentences(tally) == ("audio goes on at 32000 Hz stereo",)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000])
def test_no_sample_is_lost_in_the_resampler(rate):
    """One second in, one second out: its delay neither shifts the start nor swallows the end."""
    pieces = list(
        place_audio(_frames(waveform([0.0, 0.985], rate, 1), rate, lambda start: start / rate), Counter())
    )
    audio = np.concatenate([samples for _, samples in pieces])
    assert pieces[0][0] == 0 and len(audio) == pytest.approx(16000, abs=1)
    assert max(map(abs, click_errors_ms(np.pad(audio, 100), [100 / 16000, 100 / 16000 + 0.985]))) < 0.07


def test_silence_up_to_20_ms_is_padded_and_more_is_none():
    for missing, kept in ((320, True), (321, False)):
        tally = Counter()
        window = next(cut_windows([(missing, np.ones(640, np.int16))], tally))
        assert (window is not None) == kept and tally["padded_samples"] == (missing if kept else 0)


def test_overlapping_audio_keeps_the_earlier():
    window = next(cut_windows([(0, np.full(400, 1, np.int16)), (300, np.full(400, 2, np.int16))], Counter()))
    assert window.tolist() == [1] * 400 + [2] * 240


def _seconds(ticks):
    return Fraction(int(ticks), 90000)


def _through_fps_filter(ticks):
    """Which of the frames with these 90 kHz stamps FFmpeg shows, told by their grey level pair."""
    graph = av.filter.Graph()
    source = graph.add("buffer", "video_size=2x2:pix_fmt=gray:time_base=1/90000:pixel_aspect=1/1")
    rate, sink = graph.add("fps", "25"), graph.add("buffersink")
    source.link_to(rate)
    rate.link_to(sink)
    graph.configure()
    shown = []
    for k, tick in [*enumerate(ticks), (None, None)]:
        frame = None
        if k is not None:
            frame = av.VideoFrame.from_ndarray(np.full((2, 2), k, np.uint8), format="gray")
            frame.pts, frame.time_base = tick, Fraction(1, 90000)
        graph.push(frame)
        with suppress(BlockingIOError, EOFError):
            while True:
                shown.append(int(graph.pull().to_ndarray()[0, 0]))
    return shown


def _frames(audio, rate, stamp, layout="mono", size=1024):
    channels = len(av.AudioLayout(layout).channels)
    for start in range(0, len(audio) // channels, size):
        frame = av.AudioFrame.from_ndarray(
            audio[None, start * channels : (start + size) * channels], format="s16", layout=layout
        )
        frame.sample_rate = rate
        yield stamp(start), frame


def _audio(frames, tally, n_frames):
    return np.concatenate(list(islice(cut_windows(place_audio(frames, tally), tally), n_frames)))


def test_stamps_counted_on_at_the_rate_before_are_no_jumps():
    """A transport stream of 44100, then 48000 Hz: FFmpeg dates the first of each eight frames as stored, the
    others 1024/44100 s apart.
    """

    def frame(rate):
        made = av.AudioFrame.from_ndarray(np.full((1, 1024), 1000, np.int16), format="s16", layout="mono")
        made.sample_rate = rate
        return made

    begun = [(k * 1024 / 44100, frame(44100)) for k in range(8)]
    end_s = 8 * 1024 / 44100
    went_on = [(end_s + (k - k % 8) * 1024 / 48000 + k % 8 * 1024 / 44100, frame(48000)) for k in range(32)]
    tally = Counter()
    pieces = list(place_audio([*begun, *went_on], tally))
    assert tally["audio_gaps"] == 0
    assert abs(sum(len(samples) for _, samples in pieces) - 16000 * (end_s + 32 * 1024 / 48000)) <= 2
    assert all(
        abs(start + len(samples) - following) <= 1 for (start, samples), (following, _) in pairwise(pieces)
    )


def test_what_is_counted_while_audio_is_read_ahead_comes_with_its_window():
    """Window k is read after k + 1 gaps; nobody asks for the last ones of a block."""

    def windows(counts):
        for k in range(60):
            counts["audio_gaps"] += 1
            yield k

    tally = Counter(audio_gaps=100)
    handed_out = read_ahead(windows, tally)
    assert [(next(handed_out), tally["audio_gaps"]) for _ in range(30)] == [(k, 101 + k) for k in range(30)]
    assert (list(handed_out), tally["audio_gaps"]) == (list(range(30, 60)), 160)
