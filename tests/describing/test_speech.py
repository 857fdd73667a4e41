"""Where somebody speaks: as silero-vad's own code hears it, on the grid of frames."""

import importlib.machinery
import zipfile

import numpy as np
import pytest
import torch

from speechlip.describing import silero, speech
from speechlip.describing.speech import (
    SpeechMeter,
    in_seconds,
    share_of,
    speech_of,
    speech_spans,
)
from speechlip.errors import OptionError
from zoo import read_clip

RATE = 16000
pytestmark = [
    pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.torch.jit.load. is deprecated"),
]


@pytest.fixture(scope="module")
def package():
    """The package itself, which sets torch's threads to one when it is imported."""
    threads = torch.get_num_threads()
    import silero_vad

    torch.set_num_threads(threads)
    return silero_vad


@pytest.fixture(scope="module")
def model(package):
    return package.load_silero_vad()


@pytest.fixture(scope="module")
def voice(talking):
    """(640 T,) int16: four synthetic speakers, two seconds of nothing after each."""
    clips = [read_clip(path)[1][: 640 * 60] for path in sorted(talking.rglob("*.mp4"))]
    return np.concatenate([np.pad(clip, (0, 640 * 50)) for clip in clips])


def chord(n_samples, loud=3000.0):
    """Music: a major chord with overtones, struck anew every half second."""
    time_s = np.arange(n_samples) / RATE
    tones = [np.sin(2 * np.pi * f * k * time_s) / k for f in (220.0, 277.2, 329.6) for k in (1, 2, 3)]
    return (loud * np.sum(tones, axis=0) / 3 * np.exp(-3 * (time_s % 0.5))).astype(np.int16)


def sung(n_samples):
    """A long vowel with vibrato: what singing is to this detector."""
    time_s = np.arange(n_samples) / RATE
    phase = 2 * np.pi * 330 * time_s + 2 * np.sin(2 * np.pi * 5.5 * time_s)
    return (6000 * sum(np.sin(k * phase) / k**1.5 for k in range(1, 9))).astype(np.int16)


def heard_by(package, model, audio):
    """Frames of speech by the package's own loop over chunks, and its own rules."""
    stated = package.get_speech_timestamps(torch.from_numpy(audio.astype(np.float32) / 32768), model)
    inside = np.zeros(len(audio), bool)
    for span in stated:
        inside[span["start"] : span["end"]] = True
    return inside.reshape(-1, 640).sum(axis=1) >= 320


def test_it_hears_what_the_package_hears(package, model, voice):
    heard = speech_of(voice)
    assert np.array_equal(heard, heard_by(package, model, voice))
    assert 0.2 < heard.mean() < 0.8 and not heard[60 + 20 : 110].any()
    chunks = voice[: len(voice) // 512 * 512]
    theirs = model.audio_forward(torch.from_numpy(chunks.astype(np.float32) / 32768)[None], RATE)[0]
    assert np.abs(silero.Silero().probabilities(chunks) - theirs.numpy()).max() < 1e-4


@pytest.mark.parametrize("name", ["liveportrait_d10", "videoretalking_1"])
def test_it_hears_what_the_package_hears_in_real_clips(package, model, real_clips, name):
    audio = read_clip(real_clips / f"{name}.mp4")[1]
    audio = audio[: len(audio) // 640 * 640]
    assert np.array_equal(speech_of(audio), heard_by(package, model, audio))


def test_spans_are_those_of_the_package(package):
    """1000 random walks of probabilities, by the package's state machine and by ours."""
    rng = np.random.default_rng(0)
    for _ in range(1000):
        chances = 1 / (1 + np.exp(-np.cumsum(rng.normal(0, rng.uniform(0.3, 3), rng.integers(1, 120)))))
        n_samples = 512 * len(chances) - int(rng.integers(0, 512))
        stated = package.get_speech_timestamps_from_probs(chances.tolist(), audio_length_samples=n_samples)
        assert speech_spans(chances, n_samples) == [(span["start"], span["end"]) for span in stated]


def test_blocks_change_nothing_and_memory_stays_flat(voice, monkeypatch):
    heard = speech_of(voice)
    monkeypatch.setattr(speech, "BLOCK_FRAMES", 16)
    meter, most = SpeechMeter(), 0
    for samples in voice.reshape(-1, 640):
        meter.hear(samples)
        most = max(most, len(meter._waiting))
    assert most < 16 and np.array_equal(meter.finish(), heard)


def test_what_begins_before_a_cut_is_known_after_it(voice):
    """The frames of a clip are those of the whole: listened to alone, its first are not always known."""
    heard = speech_of(voice)
    first = int(np.flatnonzero(heard)[0])
    assert heard[first + 3 : first + 15].all()
    alone = speech_of(voice[640 * (first + 3) : 640 * (first + 28)])
    assert np.array_equal(heard[first + 10 : first + 15], alone[7:12])


def test_a_frame_without_audio_is_silence():
    meter = SpeechMeter()
    for _ in range(30):
        meter.hear(None)
    assert meter.finish().tolist() == [False] * 30
    assert SpeechMeter().finish().shape == speech_of(np.zeros(0, np.int16)).shape == (0,)


def test_music_and_singing_are_no_speech_and_music_under_speech_hides_none(voice):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 2000, 640 * 75).astype(np.int16)
    assert [share_of(speech_of(audio)) for audio in (noise, chord(640 * 75), sung(640 * 75))] == [0, 0, 0]
    under = np.clip(voice.astype(np.int32) + chord(len(voice), 600), -32768, 32767).astype(np.int16)
    plain, mixed = speech_of(voice), speech_of(under)
    assert (plain == mixed).mean() > 0.9 and mixed[plain].mean() > 0.9


def test_spans_in_seconds_and_share():
    spoken = np.array([0, 1, 1, 1, 0, 0, 1], bool)
    assert (in_seconds(spoken), share_of(spoken)) == (((0.04, 0.16), (0.24, 0.28)), 0.5714)
    assert (in_seconds(spoken[:1]), share_of(spoken[:0])) == ((), 0.0)


@pytest.mark.parametrize("there", ["nothing", "no zip", "other arrays"])
def test_a_package_that_is_not_as_it_should_be_is_said(tmp_path, monkeypatch, there):
    path = tmp_path / "data" / "silero_vad.jit"
    path.parent.mkdir()
    if there == "no zip":
        path.write_bytes(b"no zip")
    if there == "other arrays":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("other/data/2", bytes(8))
    spec = importlib.machinery.ModuleSpec("silero_vad", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(silero, "find_spec", lambda name: spec)
    silero.weights.cache_clear()
    with pytest.raises(OptionError, match=r"silero_vad.jit is not the network of silero-vad 6.2 .*; run pip"):
        silero.weights()
    monkeypatch.setattr(silero, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match="is not installed: pip install silero-vad"):
        silero.weights()
