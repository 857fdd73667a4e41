"""A ShardWriter that is stopped, fails at its end, or finds something else in its folder."""

import pytest

import speechlip
from own_clips import contents, corpus, made, write
from preparing import prep
from speechlip import ShardWriter
from speechlip.errors import OptionError, ShardError, WriteError
from speechlip.shards.writer import OpenShard


@pytest.mark.parametrize("stage", ["writing", "nothing written"])
def test_what_is_not_finished_leaves_nothing(tmp_path, stage):
    with pytest.raises((ZeroDivisionError, OptionError)), ShardWriter(tmp_path / "out") as writer:
        if stage == "writing":
            writer.write(made(), source_sha256="x")
            assert list(tmp_path.glob("out/.work/*.part")) and not (tmp_path / "out" / "data").exists()
            _ = 1 / 0
    assert not (tmp_path / "out").exists()
    with pytest.raises(ShardError, match="is closed; open another ShardWriter"):
        writer.write(made(), source_sha256="x")
    with pytest.raises(ShardError, match="is not finished"):
        _ = writer.prepared


def test_a_disk_that_is_full_gives_the_folder_up(tmp_path, monkeypatch):
    """A shard that is cut in a sample never ends in a finished folder, whoever catches the error."""

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with pytest.raises(ShardError, match="is closed"), ShardWriter(tmp_path / "out") as writer:
        writer.write(made(), source_sha256="x")
        monkeypatch.setattr(OpenShard, "write", full)
        with pytest.raises(WriteError, match="No space left on device"):
            writer.write(made(start=40), source_sha256="x")
    assert not (tmp_path / "out").exists()


def test_an_end_that_fails_is_begun_anew(tmp_path, monkeypatch):
    from speechlip.preparing.place import finish

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(finish, "write_text", interrupted)
        write(tmp_path / "out", corpus())
    assert (tmp_path / "out" / "data").exists() and not (tmp_path / "out" / "manifest.json").exists()
    write(tmp_path / "out", corpus()[:4])
    write(tmp_path / "alone", corpus()[:4])
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")


def test_a_folder_under_way_is_unfinished_for_readers(tmp_path):
    with ShardWriter(tmp_path / "out") as writer:
        writer.write(made(), source_sha256="x")
        with pytest.raises(ShardError, match="is not finished: "):
            speechlip.open_shards(tmp_path / "out", "train")


def interrupted(path, text):
    raise KeyboardInterrupt


def test_folders_that_hold_something_else_are_refused(tmp_path, talking):
    write(tmp_path / "out", corpus()[:2])
    with pytest.raises(ShardError, match="is a finished folder; choose another one"):
        ShardWriter(tmp_path / "out")
    done = prep(talking, "-o", tmp_path / "out", "--detector", "sidecar")
    assert (done.exit_code, "recipe was 'own clips', is now 'folder'" in done.stderr) == (1, True)
    (tmp_path / "begun" / ".work").mkdir(parents=True)
    (tmp_path / "begun" / ".work" / "plan.json").touch()
    with pytest.raises(ShardError, match="holds an unfinished run of prep-shards"):
        ShardWriter(tmp_path / "begun")
    with ShardWriter(tmp_path / "held") as writer:
        with pytest.raises(OptionError, match="another run is writing to"):
            ShardWriter(tmp_path / "held")
        writer.write(made(), source_sha256="x")
