"""Places that cannot be written are one line and exit code 1 in every command.

From the start or midway: nothing half-done is left.
"""

import errno
import os

import click
import pytest
import tiny_dataset
from click.testing import CliRunner

from speechlip.commands.base import command
from speechlip.commands.cli import speechlip
from speechlip.errors import WriteError
from speechlip.files.locks import only_run
from speechlip.files.writing import whole_file, write_text
from zoo import write_clip


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A file in a folder's place, a video, and shards."""
    root = tmp_path_factory.mktemp("given")
    (root / "file").write_text("in the way")
    write_clip(root / "video.mp4", tiny_images(), tiny_audio())
    tiny_dataset.write_dataset(root / "shards")
    return root


def tiny_images():
    import numpy as np

    return np.zeros((5, 48, 64, 3), np.uint8)


def tiny_audio():
    import numpy as np

    return np.zeros(3200, np.int16)


@pytest.mark.parametrize("place", ["file", "file/inner"])
@pytest.mark.parametrize(
    "typed",
    [
        "prep-shards video.mp4 --detector cascade -o",
        "score-sync video.mp4 --metrics cpbd -o",
        "score-sync video.mp4 --audit -o",
        "export-features log-mel video.mp4 -o",
        "inspect-shards shards -o",
        "inspect-shards shards -o gallery --montage",
        "train-encoder shards --encoder mel-cnn -o",
        "score-encoder shards --encoder log-mel -o",
        "synthesize",
    ],
)
def test_a_place_that_cannot_be_a_folder(given, monkeypatch, typed, place):
    monkeypatch.chdir(given)
    place += "/wall.png" if typed.endswith("--montage") else ""
    done = CliRunner().invoke(speechlip, [*typed.split(), place])
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert (
        done.exit_code == 1
        and f"cannot write to {place.removesuffix('/wall.png')}: " in line
        and "choose another" in line
    )
    assert (given / "file").read_text() == "in the way"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out/x.npy"),
            "error: out/x.npy: No space left on device; mend that and run the same",
        ),
        (
            OSError(errno.EIO, os.strerror(errno.EIO)),
            "error: Input/output error; mend that and run the same command again",
        ),
        (
            EOFError(),
            "error: a process that this run needs was ended from outside; "
            "the same command goes on where it stopped",
        ),
        (KeyboardInterrupt(), "stopped; the same command goes on where it stopped"),
    ],
)
def test_what_the_system_refuses_midway_is_one_line(error, line):
    @command("any")
    def any_command() -> int:
        raise error

    done = CliRunner().invoke(any_command, [])
    assert done.exit_code == (130 if isinstance(error, KeyboardInterrupt) else 1)
    assert done.stderr.strip().startswith(line) and len(done.stderr.strip().splitlines()) == 1
    assert isinstance(any_command, click.Command)


def test_a_full_disk_leaves_nothing_of_a_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        WriteError, match=r"cannot write .*x.csv: No space left on device; what is finished is kept"
    ):
        write_text(tmp_path / "x.csv", "words")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_removed_midway_is_said(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    with (
        pytest.raises(WriteError, match=r"cannot write .*x: No such file or directory"),
        whole_file(folder / "x") as file,
    ):
        file.write(b"half")
        (folder / "x.part").unlink()
        folder.rmdir()


def test_a_folder_is_held_by_one_run_at_a_time_and_is_left_as_it_was(tmp_path):
    from speechlip.errors import OptionError

    with only_run(tmp_path / "out"):
        with (
            pytest.raises(
                OptionError, match=r"another run is writing to .*out; wait for it, or choose another -o"
            ),
            only_run(tmp_path / "out"),
        ):
            pass
        assert not list((tmp_path / "out").iterdir())
    with only_run(tmp_path / "out"):
        pass


@pytest.mark.parametrize(
    ("typed", "held"),
    {
        "score-sync video.mp4 --metrics cpbd -o": ".clips",
        "score-encoder shards --encoder log-mel --device cpu -o": "",
        "export-features log-mel video.mp4 --device cpu -o": "",
        "export-clips shards -o": "",
        "align video.mp4 --from none -o": "",
        "render-lips video.mp4 --encoder log-mel --detector sidecar --device cpu -o": ".person",
        "judge cpbd --clips video.mp4 --detector cascade --harms blur -o": ".copies",
        "train-encoder shards --encoder mel-cnn --device cpu -o": "",
        "inspect-shards shards -o": "",
    }.items(),
)
def test_two_runs_into_one_folder_are_refused(given, tmp_path, monkeypatch, typed, held):
    monkeypatch.chdir(given)
    with only_run(tmp_path / "out" / held):
        done = CliRunner().invoke(speechlip, [*typed.split(), str(tmp_path / "out")])
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    place = tmp_path / "out" / held
    assert done.exit_code == 1
    assert line == f"error: another run is writing to {place}; wait for it, or choose another -o"
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {held}


def test_where_folders_cannot_be_locked_a_file_in_them_is(tmp_path, monkeypatch):
    """As on NFS, which locks only what is open for writing."""
    import fcntl

    from speechlip.errors import OptionError

    flock = fcntl.flock

    def as_on_nfs(descriptor, operation):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", as_on_nfs)
    with (
        only_run(tmp_path),
        pytest.raises(OptionError, match="another run is writing to"),
        only_run(tmp_path),
    ):
        pass
    with only_run(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]
