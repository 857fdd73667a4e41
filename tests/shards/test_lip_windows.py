"""A batch of windows out of clips of several kinds, and a damaged one among them."""

import io

import numpy as np
import pytest
import tiny_dataset
from PIL import Image

from speechlip.errors import ShardError
from speechlip.shards.read.filmstrip import Filmstrip
from speechlip.shards.read.lip_windows import LipWindow, decode_lips

N = 20


def raw(key, lips_format="jpg", size=96):
    lips = tiny_dataset.draw_lips(np.random.default_rng(len(key)), N, size)
    return {
        "__key__": key,
        "__url__": "a.tar",
        f"lips.{lips_format}": tiny_dataset.strip(lips, lips_format),
    }


def window(sample, start):
    (data,) = (value for value in sample.values() if isinstance(value, bytes))
    return LipWindow(sample, Filmstrip(data, N), start, 5)


def test_coded_and_whole_filmstrips_in_one_batch():
    samples = [raw("a"), raw("bb", "png"), raw("ccc")]
    lips = decode_lips([window(sample, start) for start, sample in enumerate(samples, 3)])
    for start, (sample, each) in enumerate(zip(samples, lips, strict=True), 3):
        (data,) = (value for value in sample.values() if isinstance(value, bytes))
        image = np.asarray(Image.open(io.BytesIO(data))).reshape(N, 96, 96, 3)
        np.testing.assert_array_equal(each, image[start : start + 5])


@pytest.mark.parametrize("lips_format", ["jpg", "png"])
def test_windows_of_another_size_are_named(lips_format):
    faces = [window(raw("face", lips_format, 256), 2), window(raw("other", lips_format, 256), 0)]
    assert decode_lips(faces).shape == (2, 5, 256, 256, 3)
    with pytest.raises(
        ShardError,
        match=r"sample a of a\.tar: its frames are of 96 px, those of sample face of a\.tar of 256 px",
    ):
        decode_lips([*faces, window(raw("a"), 0)])


def test_a_damaged_window_is_named_and_the_sound_ones_are_not():
    sound, broken = raw("sound"), raw("broken")
    data = bytearray(broken["lips.jpg"])
    table = data.index(b"\xff\xc4") + 5
    data[table : table + 16] = b"\xff" * 16  # a Huffman table with more codes than there are
    broken["lips.jpg"] = bytes(data)
    with pytest.raises(
        ShardError,
        match=r"sample broken of a\.tar: lips\.jpg cannot be decoded: broken JPEG.*copy or prepare",
    ):
        decode_lips([window(sound, 0), window(broken, 1), window(sound, 2)])
    assert decode_lips([window(sound, 0)]).any()
