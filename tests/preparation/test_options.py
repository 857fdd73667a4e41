"""Options of prep-shards: what they accept, and what they say when they do not."""

import pytest

from speechlip.errors import OptionError
from speechlip.preparing.options import PrepOptions, parse_bytes, parse_duration, parse_split


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train=0.9", "add up to 0.9"),
        ("train:1", "cannot read the split"),
        ("a=0.5,a=0.5", "named twice"),
        ("Train=1", "cannot read the split"),
        ("", "cannot read the split"),
        ("train=10/11,test=2/11", "add up to 1.09"),
        ("train=1/0", "cannot read the split"),
    ],
)
def test_split_must_be_whole_and_readable(text, message):
    with pytest.raises(OptionError, match=message):
        parse_split(text)


@pytest.mark.parametrize("text", ["", "12 apples", "-3MB", "MB"])
def test_unreadable_sizes(text):
    with pytest.raises(OptionError, match="write it like 256MB"):
        parse_bytes(text)


@pytest.mark.parametrize("text", ["", "1h", "-1s", "one"])
def test_unreadable_lengths(text):
    with pytest.raises(OptionError, match="write it like 1s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spectrogram": "cqt"}, "there are: stft, mel"),
        ({"lips_format": "webp"}, "there are: jpg, png"),
        ({"min_clip_s": 0.1}, "shorter than one window"),
        ({"min_clip_s": 6.0}, "at least twice"),
        ({"max_clip_s": 30.0}, "take --lips-format png"),
    ],
)
def test_options_that_cannot_work_are_refused_with_what_to_do(options, message):
    with pytest.raises(OptionError, match=message):
        PrepOptions(**options)


def test_png_strips_may_be_long():
    assert PrepOptions(max_clip_s=60, lips_format="png").max_clip_s == 60
