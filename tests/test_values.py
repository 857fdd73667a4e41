"""Texts of command lines as values: what can be read, and what is said of the rest."""

import pytest

from speechlip.commands.values import parse_bytes, parse_duration, parse_pixels, parse_split
from speechlip.errors import OptionError


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


@pytest.mark.parametrize("text", ["", "0", "-3MP", "8K"])
def test_unreadable_numbers_of_pixels(text):
    with pytest.raises(OptionError, match="write it like 40MP"):
        parse_pixels(text)
