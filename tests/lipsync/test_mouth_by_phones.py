"""Sync judged by phones: numbers by hand, synthetic heads whose truth is exact, and sound without speech."""

import numpy as np
import pytest

from speechlip.lipsync.mouth import mouth_distances, movement
from speechlip.lipsync.phones import OPENING, WIDTH, expected_mouth, judge, phone_values
from speechlip.metrics.declared import NotScored
from speechlip.metrics.phones.visemes import fold
from speechlip.records import Phone
from zoo import read_clip

FRAME = 640


@pytest.fixture(scope="module")
def heads(talking):
    """(landmarks, audio) of synthetic clips of more than 2.4 s."""
    loaded = []
    for clip in sorted(talking.rglob("*.mp4")):
        _, audio = read_clip(clip)
        with np.load(clip.with_name(clip.stem + ".landmarks.npz")) as sidecar:
            landmarks = sidecar["landmarks"]
        frames = min(len(landmarks), len(audio) // FRAME)
        if frames > 60:
            loaded.append((landmarks[:frames], audio[: frames * FRAME]))
    return loaded


def test_every_phone_has_an_opening_and_a_width():
    assert OPENING.keys() == WIDTH.keys() and all(fold(phone) for phone in OPENING if phone != "SIL")
    assert all(0 <= value <= 1 for table in (OPENING, WIDTH) for value in table.values())
    assert OPENING["P"] == 0 < OPENING["F"] < OPENING["UW"] < OPENING["IY"] < OPENING["AA"] == 1
    assert WIDTH["UW"] == 0 < WIDTH["SIL"] < WIDTH["IY"]


def test_values_are_means_over_40_ms_smoothed():
    phones = [Phone(0.0, 0.04, "AA"), Phone(0.04, 0.06, "P"), Phone(0.06, 0.08, "AA")]
    values = phone_values(phones, 3, {"AA": 1.0, "P": 0.0, "SIL": 0.0})
    frames = [1.0, 0.5, 0.0]
    padded = [frames[0], *frames, frames[-1]]
    assert values.tolist() == [
        pytest.approx(0.25 * padded[i] + 0.5 * padded[i + 1] + 0.25 * padded[i + 2]) for i in range(3)
    ]


def test_distances_do_not_depend_on_size_place_and_roll(heads):
    landmarks = heads[0][0].astype(float)
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    assert np.allclose(mouth_distances(landmarks), mouth_distances(3 * landmarks @ turn + (40, -7)))
    steady = movement(mouth_distances(landmarks) + 5)
    assert np.allclose(steady, movement(mouth_distances(landmarks)))


def test_movement_is_what_a_running_mean_leaves():
    values = np.random.default_rng(0).normal(size=(30, 2))
    by_hand = [values[t] - values[max(0, t - 5) : t + 6].mean(axis=0) for t in range(30)]
    assert np.allclose(movement(values, 11), by_hand)


def test_synthetic_heads_are_in_sync_and_shifts_are_found(heads):
    errors = []
    for landmarks, audio in heads:
        for late in (-6, 0, 5):
            silence = np.zeros(abs(late) * FRAME, np.int16)
            moved = np.concatenate([silence, audio] if late < 0 else [audio[late * FRAME :], silence])
            errors.append(judge(moved, landmarks).offset_frames - late)
    assert np.mean(np.abs(errors) <= 1) >= 0.8, errors


def test_why_there_is_no_number(heads):
    landmarks, audio = heads[0]
    with pytest.raises(NotScored, match="too short"):
        judge(audio, landmarks[:25])
    with pytest.raises(NotScored, match="still mouth: it does not move in 60 frames"):
        judge(audio, np.repeat(landmarks[:1], 60, axis=0))
    with pytest.raises(NotScored, match="no speech: no phone was heard"):
        judge(np.zeros_like(audio), landmarks)


@pytest.mark.parametrize("kind", ["noise", "music"])
def test_sound_without_speech_is_not_decided(heads, kind):
    landmarks, audio = heads[0]
    seconds = np.arange(len(audio)) / 16000
    random = np.random.default_rng(0)
    chords = sum(np.sin(2 * np.pi * hz * seconds) for hz in (220, 277, 330)) * (1 + np.sin(9 * seconds))
    sound = random.normal(0, 3000, len(audio)) if kind == "noise" else 2000 * chords
    try:
        sync = judge(sound.astype(np.int16), landmarks)
    except NotScored as problem:
        assert problem.reason == "no speech"
    else:
        assert sync.p > 0.05 or sync.confidence < 0.1


def test_a_rest_of_less_than_a_frame_is_left_out():
    assert expected_mouth(np.ones(FRAME * 3 + 100, np.int16)).shape == (3, 4)


def test_music_over_speech_is_right_or_undecided(heads):
    for landmarks, audio in heads:
        seconds = np.arange(len(audio)) / 16000
        chords = sum(np.sin(2 * np.pi * hz * seconds) for hz in (220, 277, 330)) * (1 + np.sin(9 * seconds))
        mixed = np.clip(audio + audio.std() * chords, -32768, 32767).astype(np.int16)
        sync = judge(mixed, landmarks)
        assert abs(sync.offset_frames) <= 1 or sync.p > 0.05 or sync.confidence < 0.1


def test_another_language_becomes_the_phones_that_sound_alike():
    pytest.importorskip("espeakng_loader", reason="the extra [synthetic] is not installed")
    from scipy.signal import resample_poly

    from speechlip.recipes._synthetic.voice import speak

    spoken = speak("Guten Morgen, der Apfel liegt auf dem alten Tisch am Fenster.", "de+m1", 140, 40)
    audio = np.clip(resample_poly(spoken.samples.astype(float), 320, 441), -32768, 32767).astype(np.int16)
    loud = np.sqrt(
        np.square(audio[: len(audio) // FRAME * FRAME].reshape(-1, FRAME).astype(float)).mean(axis=1)
    )
    opening = expected_mouth(audio)[:, 0]
    assert np.corrcoef(opening, np.log(loud + 30))[0, 1] > 0.3 and np.ptp(opening) > 0.5
