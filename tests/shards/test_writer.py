"""What is written: keys, members, and equal bytes for equal samples."""

import io
import json
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from speechlip.format import ClipFormat
from speechlip.records import Clip, Phone, Source
from speechlip.shards.read.filmstrip import frame_cuts
from speechlip.shards.sample_meta import meta_of
from speechlip.shards.writer import encode_clip, encode_filmstrip, key_digits, sample_key, write_shard

RNG = np.random.default_rng(0)
SMOOTH = np.clip(
    128
    + 60 * np.sin(np.arange(96) / 9)[None, :, None, None]
    + 40 * np.cos(np.arange(96) / 14)[None, None, :, None],
    0,
    255,
)
LIPS = (SMOOTH + np.zeros((30, 1, 1, 3)) + RNG.normal(0, 2, (30, 96, 96, 3))).clip(0, 255).astype(np.uint8)
AUDIO = RNG.integers(-9000, 9000, 640 * 30).astype(np.int16)


def clip(name="a/b c.v1.mp4", start=50, phones=None, landmarks=None):
    return Clip(
        Source(Path("/x") / name, name, "anna"), 0, start, LIPS, AUDIO, landmarks, phones, 0.98765, 123.456, 2
    )


@pytest.mark.parametrize(
    "name",
    [
        "a.mp4",
        "UPPER case.mp4",
        "…日本語.mp4",
        "-lead.mp4",
        "x\ny.mp4",
        "'\"`$(rm).mp4",
        "v1.2.3.mp4",
        "." * 5 + ".mp4",
        "n" * 300,
    ],
)
def test_keys_are_plain_and_tell_names_apart(name):
    assert re.fullmatch(r"[a-z0-9_-]+", sample_key(clip(name)))
    assert sample_key(clip(name)) != sample_key(clip("sub/" + name))


def test_keys_are_as_long_as_it_takes_and_no_longer():
    one, other = clip("s2054/1.mp4"), clip("s54124/1.mp4")
    assert sample_key(one) == sample_key(other) == "1-ce6aee61-t0-f000050"  # as every release has named clips
    digits = key_digits(["s2054/1.mp4", "s54124/1.mp4", "a.mp4"])
    assert digits == {"s2054/1.mp4": 16, "s54124/1.mp4": 16, "a.mp4": 8}
    assert sample_key(one, 16) != sample_key(other, 16) and re.fullmatch(
        "1-ce6aee61[0-9a-f]{8}-t0-f000050", sample_key(one, 16)
    )


def test_members_hold_the_clip():
    phones = (Phone(0.0, 0.5, "AA"),)
    whole = clip(phones=phones, landmarks=np.ones((30, 20, 2), np.float32))
    members = encode_clip(whole, meta_of(whole, ClipFormat(), "k", "ab", []), ClipFormat())
    assert list(members) == ["audio.flac", "json", "landmarks.npy", "lips.jpg", "phones.json", "stft.npy"]
    samples, rate = soundfile.read(io.BytesIO(members["audio.flac"]), dtype="int16")
    np.testing.assert_array_equal(samples, AUDIO)
    assert rate == 16000
    meta = json.loads(members["json"])
    assert (meta["start_s"], meta["n_frames"], meta["face_score"], meta["source"]) == (
        2.0,
        30,
        0.9877,
        "a/b c.v1.mp4",
    )
    assert json.loads(members["phones.json"]) == [
        {"start_s": 0.0, "end_s": 0.5, "phone": "AA", "source": "", "score": None}
    ]
    assert np.load(io.BytesIO(members["stft.npy"]), allow_pickle=False).shape == (150, 257)


def test_filmstrip_jpeg_is_close_and_png_is_exact():
    def decoded(form):
        return np.asarray(Image.open(io.BytesIO(encode_filmstrip(LIPS, form)))).reshape(LIPS.shape)

    np.testing.assert_array_equal(decoded("png"), LIPS)
    error = np.mean((decoded("jpg").astype(float) - LIPS) ** 2)
    assert 10 * np.log10(255**2 / error) > 40


def test_every_frame_of_a_jpeg_strip_can_be_decoded_alone():
    assert frame_cuts(encode_filmstrip(LIPS, "jpg"), len(LIPS)) is not None


def test_equal_samples_give_equal_bytes_without_clock_or_user(tmp_path):
    samples = [("k1", {"json": b"{}", "a.npy": b"1"}), ("k2", {"json": b"{}", "a.npy": b"2"})]
    assert write_shard(tmp_path / "a.tar", samples) == ("a.npy", "json")
    write_shard(tmp_path / "b.tar", iter(samples))
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert next((m.name, m.mtime, m.uid, m.gid, m.uname) for m in tar) == ("k1.a.npy", 0, 0, 0, "")
