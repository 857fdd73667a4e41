"""A disk that fails for a moment ends a reading; it never ends as a shorter or damaged video."""

import errno
import os
import signal
import time
from fractions import Fraction

import numpy as np
import pytest
from flash_click import Recording, write

from speechlip.aligning.sidecars import read_json
from speechlip.commands.signals import EndSoon
from speechlip.errors import ReadError, SignalCame, SourceRefused
from speechlip.faces.detectors.sidecar import read_sidecar
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.media.streams import opening
from speechlip.phones import read_phones


def seen(path):
    reading = read_frames(path, probe(path))
    return [(frame.image is None, frame.samples is None) for frame in reading], reading.stats


@pytest.mark.parametrize("form", ["mp4", "ts", "mkv", "avi"])
def test_a_read_error_anywhere_is_raised_and_names_the_file(tmp_path, monkeypatch, capfd, form):
    """Once, and for good; nothing else is printed, though FFmpeg goes on reading."""
    path = tmp_path / f"clip.{form}"
    write(path, Recording(form, duration_s=Fraction(1), size=(128, 96), noise=True))
    read, calls, failing, for_good = os.read, 0, 0, False

    def counted(descriptor, n_bytes):
        nonlocal calls
        calls += 1
        if calls == failing or (for_good and failing and calls > failing):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(descriptor, n_bytes)

    monkeypatch.setattr(opening.os, "read", counted)
    whole, n_reads = seen(path), calls
    assert n_reads > 10
    for number in np.linspace(1, n_reads, 8).astype(int):
        calls, failing, for_good = 0, number, not for_good
        with pytest.raises(ReadError, match="Input/output error") as error:
            seen(path)
        assert error.value.filename == str(path)
    calls, failing = 0, 0
    assert seen(path) == whole and capfd.readouterr().err == ""


def test_a_signal_amid_a_read_is_not_lost(tmp_path, monkeypatch, capfd):
    """A slow disk is read most of the time. PyAV would print the exception, and the video would end there."""
    path, read, calls = tmp_path / "clip.mp4", os.read, 0
    write(path, Recording("mp4", duration_s=Fraction(1), size=(128, 96), noise=True))

    def slow(descriptor, n_bytes):
        nonlocal calls
        calls += 1
        if calls == 3:
            signal.raise_signal(signal.SIGINT)
        return read(descriptor, n_bytes)

    before = signal.signal(signal.SIGINT, EndSoon())
    try:
        with pytest.raises(SignalCame):
            monkeypatch.setattr(opening.os, "read", slow)
            seen(path)
            time.sleep(5)
    finally:
        signal.signal(signal.SIGINT, before)
    assert calls >= 3 and capfd.readouterr().err == ""


def test_a_disk_that_fails_at_the_first_byte_is_no_matter_of_permissions(tmp_path, monkeypatch):
    """The file may be read later; one that is locked is refused."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"0123")
    for number, wanted in ((errno.EIO, ReadError), (errno.EACCES, SourceRefused)):

        def fails(self, mode, number=number):
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch, pytest.raises(wanted):
            patch.setattr(type(path), "open", fails)
            opening.open_local(path)


@pytest.mark.parametrize("ending", [".landmarks.npz", ".TextGrid", ".align", ".json"])
def test_a_read_error_of_a_file_beside_a_video_is_not_taken_for_damage(tmp_path, monkeypatch, ending):
    path = tmp_path / f"clip{ending}"
    path.write_bytes(b"0123")
    readers = {".landmarks.npz": read_sidecar, ".json": read_json}

    def fails(*given, **options):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch, pytest.raises(ReadError):
        patch.setattr(type(path), "read_bytes", fails)
        patch.setattr("io.open", fails)
        readers.get(ending, read_phones)(path)
    with pytest.raises(SourceRefused, match="bad"):
        readers.get(ending, read_phones)(path)


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
