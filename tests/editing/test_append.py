"""``speechlip edit append``: new videos behind a finished folder, whose shards keep their bytes."""

import os
import shutil
from dataclasses import replace

import pytest
from folders import digests, ledger, manifest, members, run, splits_of

from preparing import prep
from speechlip.editing.append import options_of
from speechlip.editing.given import open_given
from speechlip.errors import OptionError
from speechlip.preparing.ends.spool import FETCHED
from speechlip.progress import SILENT
from speechlip.shards.checks.verify import verify
from speechlip.shards.clips.query import clips

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


@pytest.fixture(scope="module")
def appended(begun, talking, tmp_path_factory):
    """That folder and the fourth speaker; and what was said."""
    out = tmp_path_factory.mktemp("appended") / "out"
    return out, run("append", begun, talking, "-o", out, "--workers", 1)


def test_a_new_speaker_is_appended(begun, talking, appended):
    out, done = appended
    assert done.exit_code == 0 and "3 videos left out, in the folder already" in done.stderr
    report = verify(out)
    assert report.ok and report.clips == 4, report.problems
    before, after = manifest(begun)["shards"], manifest(out)["shards"]
    for split in ("train", "test"):
        old = [row["sha256"] for row in before if row["split"] == split]
        assert [row["sha256"] for row in after if row["split"] == split][: len(old)] == old
    assert members(begun).items() <= members(out).items()
    assert list(ledger(out)) == sorted(ledger(out))
    assert manifest(out)["options"] == manifest(begun)["options"]
    (edit,) = manifest(out)["edited"]
    assert (edit["operation"], edit["of"]) == ("append", [manifest(begun)["digest"]])
    assert edit["arguments"]["videos"] == 1
    same = digests(out)
    again = run("append", begun, talking, "-o", out, "--workers", 1, "--quiet")
    assert again.exit_code == 0 and digests(out) == same


def test_videos_and_result_may_lie_elsewhere(begun, talking, appended, tmp_path):
    """``local:///…`` is a store to fsspec that other processes see, too."""
    out, work = f"local://{tmp_path}/out", tmp_path / "work"
    done = run("append", begun, f"local://{talking}", "-o", out, "--work", work, "--workers", 1)
    assert done.exit_code == 0, done.stderr
    assert f"uploaded to {out}; {work / 'shards'} may be deleted" in done.stdout
    assert "3 videos left out, in the folder already" in done.stderr
    assert digests(tmp_path / "out") == digests(appended[0])
    assert not list((work / FETCHED).iterdir())


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


def test_nothing_new_gives_a_clip(begun, tmp_path):
    (tmp_path / "videos").mkdir()
    for name in ("text.mp4", "text.TextGrid"):
        (tmp_path / "videos" / name).write_text("no video")
    done = run("append", begun, tmp_path / "videos", "-o", tmp_path / "out", "--workers", 1)
    said = "nothing was kept of 1 new video, so nothing is appended: not a video file: text.mp4"
    assert done.exit_code == 2 and said in done.stderr and [*(tmp_path / "out").iterdir()] == []


def test_another_video_of_a_name_that_is_there(begun, talking, tmp_path):
    first, other = speakers(talking)[0], speakers(talking)[3]
    shutil.copytree(other, tmp_path / "videos" / first.name)
    done = run("append", begun, tmp_path / "videos", "-o", tmp_path / "out", "--workers", 1)
    assert done.exit_code == 1 and "is in the folder already, and this is another file" in done.stderr
    assert not (tmp_path / "out").exists()


def test_own_clips_are_not_appended_to(shards, talking, tmp_path):
    done = run("append", shards, talking, "-o", tmp_path / "out")
    assert done.exit_code == 1 and "the folder holds clips of your own" in done.stderr


def test_killed_while_new_videos_are_prepared(begun, talking, appended, tmp_path, monkeypatch):
    from speechlip.preparing.place import finish

    for function in ("place_shards", "freeze"):
        with monkeypatch.context() as patch:
            patch.setattr(finish, function, lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
            done = run("append", begun, talking, "-o", tmp_path / "out", "--workers", 1, "--quiet")
            assert done.exit_code == 130 and not (tmp_path / "out" / "manifest.json").exists()
    done = run("append", begun, talking, "-o", tmp_path / "out", "--workers", 1, "--quiet")
    assert done.exit_code == 0 and digests(tmp_path / "out") == digests(appended[0])


@pytest.fixture(scope="module")
def fourth(talking, tmp_path_factory):
    """A folder with the fourth speaker alone, to be changed in copies; and one with it appended."""
    folder = speakers(talking)[3]
    return shutil.copytree(folder, tmp_path_factory.mktemp("fourth") / "videos" / folder.name).parent


@pytest.fixture(scope="module")
def grown(begun, fourth, tmp_path_factory):
    out = tmp_path_factory.mktemp("grown") / "out"
    assert run("append", begun, fourth, "-o", out, "--workers", 1, "--quiet").exit_code == 0
    return out


def add_byte(video):
    """Another file, which nobody gets to read as a video."""
    video.write_bytes(video.read_bytes() + b"0")


def rename(folder):
    for path in list(folder.iterdir()):
        path.rename(path.with_name(path.name.replace("clip-000", "renamed")))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda videos, video: add_byte(video), "(video)"),
        (lambda videos, video: add_byte(shutil.copy(video, videos / "more.mp4")), "'more.mp4' (new)"),
        (lambda videos, video: rename(video.parent), "/renamed.mp4' (there as "),
        (lambda videos, video: os.utime(video), ""),
    ],
    ids=["other content", "one more", "renamed", "touched"],
)
def test_a_finished_append_is_of_the_videos_whose_content_it_has(
    begun, fourth, grown, tmp_path, change, said
):
    videos, out = shutil.copytree(fourth, tmp_path / "videos"), shutil.copytree(grown, tmp_path / "out")
    before = digests(out)
    change(videos, next(videos.rglob("*.mp4")))
    done = run("append", begun, videos, "-o", out, "--workers", 1, "--quiet")
    assert digests(out) == before and done.exit_code == bool(said)
    if said:
        assert f"{out} is finished, and of the videos appended there 1 video is new, gone or" in done.stderr
        assert said in done.stderr


def test_another_split_is_refused_before_any_work(begun, talking, tmp_path, monkeypatch):
    monkeypatch.setattr("speechlip.editing.append.run_job", lambda *given: pytest.fail("videos are prepared"))
    speaker, split = next((name, split) for name, (split,) in splits_of(begun).items())
    other = "test" if split == "train" else "train"
    folder = shutil.copytree(speakers(talking)[3], tmp_path / "videos" / "x")
    video = next(folder.glob("*.mp4")).name
    table = tmp_path / "videos" / "metadata.csv"
    table.write_text(f"file,speaker,split\nx/{video},{speaker},{other}\n")
    done = run("append", begun, tmp_path / "videos", "-o", tmp_path / "out")
    assert done.exit_code == 1 and not (tmp_path / "out").exists()
    assert (
        f"speaker {speaker!r} is in {split} of {begun}, and 'x/{video}' is declared in {other}" in done.stderr
    )


def test_what_is_told_otherwise_of_a_video_that_is_there_is_said(begun, talking, tmp_path):
    for folder in speakers(talking)[2:]:
        shutil.copytree(folder, tmp_path / "videos" / folder.name)
    old = next((tmp_path / "videos" / speakers(talking)[2].name).glob("*.mp4"))
    name = old.relative_to(tmp_path / "videos").as_posix()
    (tmp_path / "videos" / "metadata.csv").write_text(f"file,licence\n{name},CC0-1.0\n")
    done = run("append", begun, tmp_path / "videos", "-o", tmp_path / "out", "--workers", 1)
    assert "1 video left out and told otherwise than in the folder, which stays as it is" in done.stderr
    assert f"'{name}' (licence)" in done.stderr


def test_an_appended_speaker_is_dealt_anew_with_the_old_clips(begun, fourth, talking, tmp_path):
    speaker = speakers(talking)[0].name
    new = shutil.copytree(next(fourth.iterdir()), tmp_path / "videos" / speaker)
    for path in new.iterdir():
        path.rename(path.with_name(f"later-{path.name}"))
    assert run("append", begun, tmp_path / "videos", "-o", tmp_path / "out", "--quiet").exit_code == 0
    assert {row["declared"]["split"] for row in ledger(tmp_path / "out").values()} == {""}


@pytest.mark.parametrize(("recorded", "model"), [("", ""), ("SyncNet 12ab", ""), ("phones 12ab", "phones")])
def test_new_videos_are_judged_by_the_model_of_the_old_ones(begun, recorded, model):
    assert options_of(judged_by(begun, recorded)).sync_model == model


@pytest.mark.parametrize("recorded", ["self 12ab", "my-run 12ab"])
def test_a_model_that_the_folder_does_not_bring_is_named(begun, recorded):
    with pytest.raises(OptionError, match=f"the sync model '{recorded}', which is not at hand here; prepare"):
        options_of(judged_by(begun, recorded))


def judged_by(folder, model):
    whole = open_given(folder, SILENT).manifest
    return replace(whole, options={**whole.options, "sync_filter": "abs(offset)<=6", "sync_model": model})


def test_a_folder_that_a_sync_model_judged_grows_by_the_same(talking, tmp_path):
    pytest.importorskip("pocketsphinx")
    for place, speaker in (("old", speakers(talking)[0]), ("new", speakers(talking)[1])):
        shutil.copytree(speaker, tmp_path / place / speaker.name)
    judge = ("--sync-filter", "abs(offset)<=15", "--sync-model", "phones", "--undecided", "keep")
    assert prep(tmp_path / "old", "-o", tmp_path / "shards", *OPTIONS, *judge).exit_code == 0
    done = run("append", tmp_path / "shards", tmp_path / "new", "-o", tmp_path / "out", "--workers", 1)
    assert done.exit_code == 0, done.stderr
    was, now = (manifest(tmp_path / name)["options"]["sync_model"] for name in ("shards", "out"))
    assert was == now and was.startswith("phones ")
    assert {row["sync_model"] for row in clips(tmp_path / "out").rows} == {"phones"}
