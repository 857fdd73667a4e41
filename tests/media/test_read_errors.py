"""A disk that fails for a moment ends a reading; it never ends as a shorter or damaged video."""

import errno
import os
from fractions import Fraction

import numpy as np
import pytest
from flash_click import Recording, write

from speechlip.errors import SourceRefused
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.media.streams import opening


def seen(path):
    reading = read_frames(path, probe(path))
    return [(frame.image is None, frame.samples is None) for frame in reading], reading.stats


@pytest.mark.parametrize("form", ["mp4", "ts", "mkv", "avi"])
def test_a_read_error_anywhere_is_raised(tmp_path, monkeypatch, form):
    path = tmp_path / f"clip.{form}"
    write(path, Recording(form, duration_s=Fraction(1), size=(128, 96), noise=True))
    read, calls, failing = os.read, 0, 0

    def counted(descriptor, n_bytes):
        nonlocal calls
        calls += 1
        if calls == failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(descriptor, n_bytes)

    monkeypatch.setattr(opening.os, "read", counted)
    whole, n_reads = seen(path), calls
    assert n_reads > 10
    for number in np.linspace(1, n_reads, 8).astype(int):
        calls, failing = 0, number
        with pytest.raises((OSError, SourceRefused), match="Input/output error"):
            seen(path)
    calls, failing = 0, 0
    assert seen(path) == whole


def test_the_file_is_closed_with_its_container(tmp_path, monkeypatch):
    path, closed = tmp_path / "clip.mp4", []
    write(path, Recording("mp4", duration_s=Fraction(1), size=(128, 96)))
    close = os.close
    monkeypatch.setattr(
        opening.os, "close", lambda descriptor: (closed.append(descriptor), close(descriptor))
    )
    with opening.open_local(path) as container:
        assert container.streams.video and not closed
    del container
    assert len(closed) == 1


def test_a_place_before_the_beginning_is_damage_and_no_error_of_the_disk(tmp_path):
    """Sizes that a damaged MP4 states lead there; FFmpeg's own reader gives it the same number."""
    path = tmp_path / "bytes"
    path.write_bytes(b"0123")
    file = opening.LocalFile(path)
    assert file.seek(2) == 2
    assert file.seek(-3) == -errno.EINVAL
    assert file.tell() == 2 and file.read(2) == b"23"
