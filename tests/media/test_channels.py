"""Channels that would cancel are turned back and named; all else is added up as libswresample does
it.
"""

from collections import Counter
from fractions import Fraction
from itertools import islice

import av
import numpy as np
import pytest

from speechlip.media.audio import audio_windows, cut_windows, place_audio
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.media.streams.corrected import sentences
from speechlip.scoring.audit.fix_offset import write_corrected
from speechlip.scoring.protocols import get
from speechlip.scoring.transcode.codec_path import through

RATE = 16000
RANDOM = np.random.default_rng(5)
SAID = "right channel inverted → turned back"


def voice(seconds, seed=0):
    """(n,) in ±0.4: noise below 2 kHz in syllables of a quarter of a second, with pauses."""
    noise = np.convolve(
        np.random.default_rng(seed).normal(size=int(seconds * RATE)), np.hanning(9) / 5, "same"
    )
    at_s = np.arange(len(noise)) / RATE
    return np.clip(0.8 * noise, -0.9, 0.9) * np.maximum(0, np.sin(2 * np.pi * 2 * at_s))


def frames(channels, form="s16", layout="stereo", size=1024):
    """(C, n) in ±1 → (due, frame) as a decoder gives them."""
    whole = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}[
        form.removesuffix("p")
    ]
    full = 1 if np.issubdtype(whole, np.floating) else 2.0 ** (8 * np.dtype(whole).itemsize - 1)
    values = np.clip(
        channels * full + (128 if whole is np.uint8 else 0),
        -full if whole is not np.uint8 else 0,
        full * (2 if whole is np.uint8 else 1) - 1,
    )
    values = (values if full > 1 else channels).astype(whole)
    for start in range(0, values.shape[1], size):
        part = values[:, start : start + size]
        packed = part if form.endswith("p") else part.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(packed), format=form, layout=layout)
        frame.sample_rate = RATE
        yield start / RATE, frame


def mono(stamped, seconds):
    """(n,) in ±1 of all audio of a file, and what was said of it."""
    tally = Counter()
    found = list(islice(cut_windows(place_audio(stamped, tally), tally), int(seconds * 25)))
    return np.concatenate(found) / 32768, sentences(tally)


def likeness(a, b):
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("form", ["s16", "s16p", "u8", "s32", "s32p", "fltp", "dbl"])
def test_an_inverted_channel_is_heard(form):
    audio = voice(3)
    heard, said = mono(frames(np.stack([audio, -audio]), form), 3)
    assert (
        likeness(heard, audio) > 0.98
        and np.std(heard) == pytest.approx(np.std(audio), rel=0.02)
        and said == (SAID,)
    )


@pytest.mark.parametrize("gain, noise", [(1.0, 0.05), (0.4, 0.0), (0.4, 0.03), (0.1, 0.005)])
def test_also_at_another_gain_and_in_noise(gain, noise):
    audio = voice(4)
    channels = np.stack([audio, -gain * audio]) + noise * RANDOM.normal(size=(2, len(audio)))
    heard, said = mono(frames(channels), 4)
    assert said == (SAID,) and likeness(heard, audio) > 0.9
    assert np.std(heard) > 0.95 * (1 + gain) / 2 * np.std(audio)


def test_the_quieter_channel_is_the_one_that_is_turned():
    _, said = mono(frames(np.stack([-0.5 * voice(2), voice(2)])), 2)
    assert said == ("left channel inverted → turned back",)


def test_more_than_two_channels():
    audio = voice(3)
    channels = np.stack([audio, -0.7 * audio, 0.01 * RANDOM.normal(size=len(audio)), np.zeros(len(audio))])
    heard, said = mono(frames(channels, layout="quad"), 3)
    assert said == ("channel 2 of 4 inverted → turned back",) and likeness(heard, audio) > 0.98


def test_what_does_not_cancel_is_left_bit_for_bit():
    """In phase, two speakers on two microphones, wide stereo of which half is in opposite phase, one channel
    silent, silence.
    """
    one, other = voice(3), voice(3, seed=1)
    for channels in (
        [one, 0.8 * one],
        [one, other],
        [one + 0.5 * other, one - 0.5 * other],
        [one, 0 * one],
        [0 * one, 0 * one],
    ):
        heard, said = mono(frames(np.stack(channels)), 3)
        resampler = av.AudioResampler("s16", "mono", RATE)
        plain = [
            part.to_ndarray()[0]
            for _, frame in frames(np.stack(channels))
            for part in resampler.resample(frame)
        ]
        assert said == () and np.array_equal(np.round(heard * 32768), np.concatenate(plain)[: len(heard)])


def test_recordings_that_were_joined():
    """In phase, a pause, inverted: both are heard, to the first syllable."""
    audio = voice(8)
    audio[3 * RATE : 5 * RATE] = 0
    other = np.where(np.arange(len(audio)) < 4 * RATE, audio, -audio)
    heard, said = mono(frames(np.stack([audio, other])), 8)
    assert likeness(heard, audio) > 0.99 and said == (SAID,)


def test_numbers_that_are_none_do_not_spread():
    audio = voice(4)
    channels = np.stack([audio, -audio])
    channels[:, 100] = np.nan
    heard, said = mono(frames(channels, "flt"), 4)
    assert said == (SAID,) and likeness(heard[RATE:], audio[RATE:]) > 0.98


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    """A video with 7.1 AAC, whose decoder gives eight planes: PyAV cannot make an array of them, the process
    would end.
    """
    audio, path = voice(1.2), tmp_path_factory.mktemp("eight") / "eight.mp4"
    with av.open(str(path), "w") as out:
        images = out.add_stream("mpeg4", rate=25)
        images.width, images.height, images.pix_fmt = 64, 48, "yuv420p"
        stream = out.add_stream("aac", rate=RATE, layout="7.1")
        for index in range(30):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(images.encode(frame))
        to_planar = av.AudioResampler("fltp", "7.1", RATE, 1024)
        for _, frame in frames(np.stack([audio, -0.8 * audio, *[0 * audio] * 6]), "flt", "7.1"):
            frame.pts = None
            out.mux([packet for part in to_planar.resample(frame) for packet in stream.encode(part)])
        out.mux([*images.encode(), *stream.encode()])
    return path


def test_eight_planar_channels(eight, tmp_path):
    write_corrected(eight, 2, tmp_path / "moved.mp4")
    for path in (eight, tmp_path / "moved.mp4"):
        reading = read_frames(path, probe(path))
        heard = [frame.samples for frame in reading]
        assert np.std(np.concatenate(heard[4:24])) > 300
        assert reading.stats.corrected == ("channel 2 of 8 inverted → turned back",)


@pytest.fixture(scope="module")
def two_rates(tmp_path_factory):
    """A transport stream whose MP2 audio is 48 kHz stereo for 1.2 s and 32 kHz mono after, a tone of 500 Hz
    throughout.
    """
    path = tmp_path_factory.mktemp("rates") / "clip.ts"
    with av.open(str(path), "w") as out:
        images = out.add_stream("mpeg2video", rate=25)
        images.width, images.height, images.pix_fmt = 64, 48, "yuv420p"
        sounding = out.add_stream("mp2", rate=48000, layout="stereo")
        second = av.CodecContext.create("mp2", "w")
        second.sample_rate, second.layout, second.format, second.time_base = (
            32000,
            "mono",
            "s16",
            Fraction(1, 32000),
        )
        packets = [
            *tone(sounding.codec_context, 48000, "stereo", 0, 1.2),
            *tone(second, 32000, "mono", 1.2, 1.296),
        ]
        for packet in packets:
            packet.stream = sounding
        for index in range(60):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 4 * index, np.uint8))
            frame.pts, frame.time_base = index, Fraction(1, 25)
            packets += images.encode(frame)
        for packet in sorted([*packets, *images.encode()], key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)
    return path


def tone(encoder, rate, layout, start_s, length_s):
    samples = (8000 * np.sin(2 * np.pi * 500 * np.arange(round(length_s * rate)) / rate)).astype(np.int16)
    for start in range(0, len(samples) - 1151, 1152):
        block = np.repeat(samples[start : start + 1152], 2 if layout == "stereo" else 1)[None]
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, round(start_s * rate) + start, Fraction(1, rate)
        yield from encoder.encode(frame)


def pitch_hz(samples):
    return np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * RATE / len(samples)


def test_a_rate_that_changes_is_followed_and_said(two_rates):
    info = probe(two_rates)
    reading = read_frames(two_rates, info)
    heard = [frame.samples for frame in reading]
    assert all(samples is not None for samples in heard[2:57])
    assert [pitch_hz(np.concatenate(heard[start : start + 20])) for start in (5, 35)] == [500, 500]
    assert reading.stats.corrected[-1] == "audio goes on at 32000 Hz mono"


def test_a_rate_that_changes_goes_through_the_codecs_and_is_moved(two_rates, tmp_path):
    info = probe(two_rates)
    transcode = through(get("wav2lip"), two_rates, info, two_rates, tmp_path)
    write_corrected(two_rates, 2, tmp_path / "moved.ts")
    for path in (transcode.path, tmp_path / "moved.ts"):
        heard = list(islice(audio_windows(path, probe(path), Counter()), 50))
        assert [pitch_hz(np.concatenate(heard[start : start + 10])) for start in (10, 38)] == [500, 500]
