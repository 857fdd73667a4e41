"""Features from files: the right file, the right part of it, and a sentence for every file that is not what
it should be.
"""

import json
import pickle

import numpy as np
import pytest

from speechlip.encoders.features.catalogue import open_encoder
from speechlip.encoders.features.protocol import per_frame
from speechlip.errors import OptionError, ShardError
from speechlip.shards.read.decode import ClipSample
from speechlip.shards.sample_meta import SampleMeta

N_FRAMES = 30


def clip(key="anna-1", source="talks/anna.mp4", start_frame=50, n_frames=N_FRAMES):
    meta = SampleMeta(
        n_frames=n_frames, speaker="anna", source_sha256="", start_s=start_frame / 25, source=source
    )
    return ClipSample(key, meta)


def moments(rate_hz, centre_ms, seconds):
    """(T, 2): the time of each feature in ms, and its negative."""
    times = centre_ms + np.arange(round(seconds * rate_hz)) * 1000 / rate_hz
    return np.stack([times, -times], axis=1)


@pytest.fixture
def folder(tmp_path):
    describe(tmp_path, rate_hz=50, centre_ms=12.5)
    return tmp_path


def describe(folder, **values):
    (folder / "features.json").write_text(json.dumps(values))


def put(folder, name, array):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    np.save(folder / name, array)


@pytest.mark.parametrize("name", ["talks/anna.npy", "talks/anna.mp4.npy"])
@pytest.mark.parametrize(("rate_hz", "centre_ms"), [(50, 12.5), (25, 20), (100, 0), (30, 5)])
def test_a_source_s_features_are_cut_at_the_clip_and_come_to_its_frames(folder, name, rate_hz, centre_ms):
    describe(folder, rate_hz=rate_hz, centre_ms=centre_ms)
    put(folder, name, moments(rate_hz, centre_ms, 10).astype(np.float64))
    features = open_encoder(f"features:{folder}")
    rows = per_frame(features.of_clip(clip()), features.clock, N_FRAMES)
    k = rows.shape[1] // 2
    wanted = 2000 + (np.arange(N_FRAMES * k) + 0.5) * 40 / k  # frame 50 begins at 2 s
    np.testing.assert_allclose(
        rows[2:-2], np.stack([wanted, -wanted], 1).reshape(N_FRAMES, -1)[2:-2], rtol=1e-5
    )
    assert (
        rows.dtype == np.float32
        and features.dim == 2
        and features.fields == ()
        and features.parameters is None
    )


def test_a_clip_s_own_file_comes_first_and_is_not_cut(folder):
    put(folder, "anna-1.npy", np.full((60, 3), 7, np.float16))
    put(folder, "talks/anna.npy", np.zeros((500, 3), np.float32))
    features = open_encoder(f"features:{folder}")
    assert (features.of_clip(clip()) == 7).all() and (features.of_clip(clip(key="anna-2")) == 0).all()


def test_deepspeech_s_windows_are_the_sequence_that_they_were_cut_from(tmp_path):
    steps = np.random.default_rng(0).normal(size=(2 * N_FRAMES, 29)).astype(np.float32)
    padded = np.pad(steps, ((8, 8), (0, 0)))
    windows = np.stack([padded[2 * frame : 2 * frame + 16] for frame in range(N_FRAMES)])
    put(tmp_path, "anna-1.npy", windows)
    put(tmp_path, "anna-2.npy", steps)
    features = open_encoder(f"deepspeech:{tmp_path}")
    np.testing.assert_array_equal(features.of_clip(clip()), steps)
    np.testing.assert_array_equal(features.of_clip(clip(key="anna-2")), steps)
    assert features.clock.rate_hz == 50 and features.dim == 29


def test_windows_are_only_deepspeech_s(folder):
    put(folder, "anna-1.npy", np.zeros((N_FRAMES, 16, 29), np.float32))
    with pytest.raises(ShardError, match=r"shape \(30, 16, 29\).*wanted numbers of shape \(T, D\)"):
        open_encoder(f"features:{folder}")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (
            np.zeros((40, 3), np.float32),
            r"has 0.80 s of features at 50 Hz for clip anna-1, wanted 1.20 s; is the rate right",
        ),
        (np.zeros((120, 3), np.float32), r"has 2.40 s of features .* wanted 1.20 s"),
        (np.zeros((60, 4), np.float32), "features of 4 numbers, the folder's first file has 3"),
        (
            np.where(np.arange(180).reshape(60, 3) == 17, np.nan, 0.0),
            r"1 of 60 features of 'anna-1.npy' are not finite",
        ),
        (np.full((60, 3), np.inf), "60 of 60 features"),
        (np.zeros(60, np.float32), r"shape \(60,\)"),
        (np.zeros((60, 3), "U3"), "type <U3"),
        (np.array([{"a": 1}] * 60, dtype=object), "cannot be read as .npy"),
        (b"\x93NUMPY no", "cannot be read as .npy"),
    ],
)
def test_a_file_that_is_not_the_clip_s_features_is_refused(folder, array, words):
    put(folder, "a.npy", np.zeros((60, 3), np.float32))
    features = open_encoder(f"features:{folder}")
    if isinstance(array, bytes):
        (folder / "anna-1.npy").write_bytes(array)
    else:
        np.save(folder / "anna-1.npy", array, allow_pickle=True)
    with pytest.raises(ShardError, match=words):
        features.of_clip(clip())


class Harm:
    """Makes a file when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (self.mark, "w"))


def test_a_pickle_under_the_name_of_an_array_is_not_run(folder):
    put(folder, "a.npy", np.zeros((60, 3), np.float32))
    features = open_encoder(f"features:{folder}")
    (folder / "anna-1.npy").write_bytes(pickle.dumps(Harm(str(folder / "harmed"))))
    with pytest.raises(ShardError, match=r"cannot be read as .npy"):
        features.of_clip(clip())
    assert not (folder / "harmed").exists()


def test_a_source_that_ends_before_the_clip_is_refused(folder):
    put(folder, "talks/anna.npy", np.zeros((130, 3), np.float32))  # 2.6 s; the clip is 2.0 … 3.2 s
    with pytest.raises(ShardError, match=r"has 0.60 s of features"):
        open_encoder(f"features:{folder}").of_clip(clip())


@pytest.mark.parametrize("source", ["../outside.mp4", "/etc/outside.mp4", "", "talks/nobody.mp4"])
def test_no_file_is_said_and_nothing_outside_the_folder_is_read(folder, source):
    inner = folder / "inner"
    inner.mkdir()
    describe(inner, rate_hz=50, centre_ms=12.5)
    put(inner, "other.npy", np.zeros((60, 3), np.float32))
    put(folder, "outside.npy", np.zeros((60, 3), np.float32))
    for key in ("anna-1", "../outside"):
        with pytest.raises(ShardError, match=rf"no features for clip {key}: .* has neither {key}.npy nor"):
            open_encoder(f"features:{inner}").of_clip(clip(key=key, source=source, start_frame=0))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "has list; wanted rate_hz and centre_ms"),
        ('{"rate_hz": 50}', "has rate_hz; wanted rate_hz and centre_ms"),
        ('{"rate_hz": 50, "centre_ms": 0, "fps": 25}', "has centre_ms, fps, rate_hz; wanted"),
        ('{"rate_hz": "50", "centre_ms": 0}', "all values are numbers"),
        ('{"rate_hz": 0, "centre_ms": 0}', "rate_hz above 0"),
        ('{"rate_hz": true, "centre_ms": 0}', "all values are numbers"),
        ('{"rate_hz": NaN, "centre_ms": 0}', "rate_hz above 0"),
        (None, "write {.rate_hz.: 50, .centre_ms.: 12.5}"),
    ],
)
def test_a_description_that_says_too_little_is_refused(tmp_path, content, words):
    put(tmp_path, "a.npy", np.zeros((60, 3), np.float32))
    if content is not None:
        (tmp_path / "features.json").write_text(content)
    with pytest.raises(OptionError, match=words):
        open_encoder(f"features:{tmp_path}")


def test_context_is_taken_from_the_description_and_unknown_means_all_of_the_clip(folder):
    put(folder, "a.npy", np.zeros((60, 3), np.float32))
    assert open_encoder(f"features:{folder}").clock.future_ms == float("inf")
    describe(folder, rate_hz=50, centre_ms=12.5, past_ms=200, future_ms=0)
    clock = open_encoder(f"features:{folder}").clock
    assert (clock.past_ms, clock.future_ms) == (200, 0)


def test_folders_that_are_none(tmp_path):
    describe(tmp_path, rate_hz=50, centre_ms=12.5)
    for name, words in (
        (f"features:{tmp_path}", "holds no .npy"),
        ("features:nowhere", "is no folder"),
        ("deepspeech:", "wants the folder"),
    ):
        with pytest.raises(OptionError, match=words):
            open_encoder(name)
