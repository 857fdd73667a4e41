"""Files appear whole or not at all, and a failure to write is one sentence."""

import errno
import hashlib
import io
import os

import av
import numpy as np
import pytest

from speechlip.errors import ReadError, WriteError
from speechlip.files.reading import read_bytes
from speechlip.files.sink import Sink
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


class SmallDisk(io.BytesIO):
    """Room for some kB."""

    def write(self, data):
        if self.tell() + len(data) > 5000:
            raise FULL
        return super().write(data)


def test_a_full_disk_is_said_once_by_pyav(capfd):
    """FFmpeg writes many frames before and after: of every error but one PyAV would print all."""
    sink = Sink(SmallDisk())
    with (
        pytest.raises(OSError, match="No space left on device"),
        av.open(sink, "w", format="avi") as out,
    ):
        video = out.add_stream("rawvideo", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "rgb24"
        for _ in range(40):
            out.mux(video.encode(av.VideoFrame(64, 48, "rgb24")))
        out.mux(video.encode())
    with pytest.raises(OSError, match="No space left"):
        sink.check()
    assert "Traceback" not in capfd.readouterr().err
