"""Files appear whole or not at all, and a failure to write is one sentence."""

import errno
import hashlib
import io
import os
from contextlib import nullcontext

import numpy as np
import pytest

from speechlip.errors import ReadError, WriteError
from speechlip.exporting.clip_files import write_video
from speechlip.files.reading import read_bytes
from speechlip.files.stamps import sha256_of
from speechlip.files.writing import mapped_array, whole_file, write_array, write_text

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_that_fails_half_way_never_appears(tmp_path):
    with pytest.raises(RuntimeError), whole_file(tmp_path / "x.tar") as file:
        file.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_says_so_and_what_to_do(tmp_path):
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "folder.txt" / "full").touch()
    with pytest.raises(WriteError, match=r"cannot write .*folder.txt.*run the same command again"):
        write_text(tmp_path / "folder.txt", "words")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.txt"]


def test_the_hash_is_that_of_the_content(tmp_path):
    content = bytes(range(256)) * 9000  # more than two blocks
    (tmp_path / "x").write_bytes(content)
    assert sha256_of(tmp_path / "x") == hashlib.sha256(content).hexdigest()


def test_a_read_error_while_a_file_is_written_is_said_of_what_was_read(tmp_path, monkeypatch):
    def fails(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(type(tmp_path), "read_bytes", fails)
    with pytest.raises(ReadError, match=r"Input/output error: .*x.mp4") as error, whole_file(tmp_path / "y"):
        read_bytes(tmp_path / "x.mp4")
    assert error.value.reason == "unreadable file: input/output error"
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_no_read_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "x.mp4")


@pytest.mark.parametrize("stored", ["whole", "turned", "every other", "repeated"])
def test_an_array_is_written_as_numpy_writes_it(stored):
    rows = np.arange(24, dtype=np.uint8).reshape(4, 6)
    array = {
        "whole": rows,
        "turned": rows[::-1],
        "every other": rows[:, ::2],
        "repeated": np.broadcast_to(rows, (3, 4, 6)),
    }[stored]
    ours, numpys = io.BytesIO(), io.BytesIO()
    write_array(ours, array)
    np.save(numpys, array)
    assert ours.getvalue() == numpys.getvalue()


def test_a_mapped_array_takes_its_place_on_the_disk_at_once(tmp_path, monkeypatch):
    mapped_array(tmp_path / "x.npy", (1000, 256), np.float32)[:] = 1
    assert np.load(tmp_path / "x.npy").sum() == 256_000

    def full(*given):
        raise FULL

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(WriteError, match=r"cannot write .*y.npy: No space left on device"):
        mapped_array(tmp_path / "y.npy", (1000, 256), np.float32)
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


class SmallDisk(io.RawIOBase):
    """A file on a disk with room for so many bytes, then for none."""

    def __init__(self, room):
        self.room, self.at = room, 0

    def writable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        self.at = offset if whence == os.SEEK_SET else self.at + offset
        return self.at

    def write(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise FULL
        self.at += len(data)
        return len(data)


@pytest.mark.parametrize("room", [10, 100, 60_000, 10**6])
def test_a_full_disk_is_said_once_of_a_video(capfd, room):
    """At the head, amid frames, at the end, or never: PyAV has words of its own for all but the first error,
    or prints them.
    """
    crops, file = np.random.default_rng(0).integers(0, 256, (8, 96, 96, 3), np.uint8), SmallDisk(room)
    full = pytest.raises(OSError, match="No space left on device") if room < 10**6 else nullcontext()
    with full, io.BufferedWriter(file) as buffered:
        try:
            write_video(buffered, crops, np.zeros(8 * 640, np.int16), "mp4")
            buffered.flush()
        finally:
            file.room = 10**9  # what is in the buffer is let go
    assert capfd.readouterr().err == ""
