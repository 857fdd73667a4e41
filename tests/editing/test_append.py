"""``speechlip edit append``: new videos behind a finished folder, whose shards keep their bytes."""

import shutil

import pytest
from folders import digests, ledger, manifest, members, run, splits_of

from preparing import prep
from speechlip.shards.checks.verify import verify

OPTIONS = ("--detector", "sidecar", "--quiet")


def speakers(talking):
    return sorted(path for path in talking.iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def begun(talking, tmp_path_factory):
    """The first three speakers of the corpus, prepared."""
    root = tmp_path_factory.mktemp("begun")
    for folder in speakers(talking)[:3]:
        shutil.copytree(folder, root / "videos" / folder.name)
    split = ("--split", "train=0.7,test=0.3")
    assert prep(root / "videos", "-o", root / "shards", *OPTIONS, *split).exit_code == 0
    return root / "shards"


def test_a_new_speaker_is_appended(begun, talking, tmp_path):
    done = run("append", begun, talking, "-o", tmp_path / "out", "--workers", 1)
    assert done.exit_code == 0 and "3 videos left out, in the folder already" in done.stderr
    report = verify(tmp_path / "out")
    assert report.ok and report.clips == 4, report.problems
    before, after = manifest(begun)["shards"], manifest(tmp_path / "out")["shards"]
    for split in ("train", "test"):
        old = [row["sha256"] for row in before if row["split"] == split]
        assert [row["sha256"] for row in after if row["split"] == split][: len(old)] == old
    assert members(begun).items() <= members(tmp_path / "out").items()
    assert list(ledger(tmp_path / "out")) == sorted(ledger(tmp_path / "out"))
    assert manifest(tmp_path / "out")["options"] == manifest(begun)["options"]
    (edit,) = manifest(tmp_path / "out")["edited"]
    assert (edit["operation"], edit["of"]) == ("append", [manifest(begun)["digest"]])
    assert edit["arguments"]["videos"] == 1
    same = digests(tmp_path / "out")
    again = run("append", begun, talking, "-o", tmp_path / "out", "--workers", 1, "--quiet")
    assert again.exit_code == 0 and digests(tmp_path / "out") == same


def test_a_speaker_stays_in_the_split_of_the_old_clips(begun, talking, tmp_path):
    known = splits_of(begun)
    speaker = next(name for name, split in known.items() if split == {"test"})
    new = tmp_path / "videos" / speaker
    shutil.copytree(speakers(talking)[3], new)
    for path in new.iterdir():
        path.rename(path.with_name(f"later-{path.name}"))
    done = run("append", begun, tmp_path / "videos", "-o", tmp_path / "out", "--workers", 1, "--quiet")
    assert done.exit_code == 0, done.output
    assert splits_of(tmp_path / "out") == known and verify(tmp_path / "out").ok


def test_nothing_new(begun, talking, tmp_path):
    folder = speakers(talking)[0]
    shutil.copytree(folder, tmp_path / "videos" / folder.name)
    done = run("append", begun, tmp_path / "videos", "-o", tmp_path / "out", "--workers", 1)
    assert done.exit_code == 2 and "nothing to append" in done.stderr and not (tmp_path / "out").exists()


def test_another_video_of_a_name_that_is_there(begun, talking, tmp_path):
    first, other = speakers(talking)[0], speakers(talking)[3]
    shutil.copytree(other, tmp_path / "videos" / first.name)
    done = run("append", begun, tmp_path / "videos", "-o", tmp_path / "out", "--workers", 1)
    assert done.exit_code == 1 and "is in the folder already, and this is another file" in done.stderr
    assert not (tmp_path / "out").exists()


def test_own_clips_are_not_appended_to(shards, talking, tmp_path):
    done = run("append", shards, talking, "-o", tmp_path / "out")
    assert done.exit_code == 1 and "the folder holds clips of your own" in done.stderr


def test_killed_while_new_videos_are_prepared(begun, talking, tmp_path, monkeypatch):
    from speechlip.preparing.place import finish

    whole = run("append", begun, talking, "-o", tmp_path / "whole", "--workers", 1, "--quiet")
    assert whole.exit_code == 0
    for function in ("place_shards", "freeze"):
        with monkeypatch.context() as patch:
            patch.setattr(finish, function, lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
            done = run("append", begun, talking, "-o", tmp_path / "out", "--workers", 1, "--quiet")
            assert done.exit_code == 130 and not (tmp_path / "out" / "manifest.json").exists()
    done = run("append", begun, talking, "-o", tmp_path / "out", "--workers", 1, "--quiet")
    assert done.exit_code == 0 and digests(tmp_path / "out") == digests(tmp_path / "whole")
