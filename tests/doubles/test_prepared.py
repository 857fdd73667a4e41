"""``prep-shards --doubles drop``, and ``speechlip doubles`` of videos and of shards."""

import csv
import shutil

import pytest
from click.testing import CliRunner

import speechlip
import zoo
from preparing import prep
from speechlip.commands.cli import speechlip as cli
from speechlip.errors import OptionError
from speechlip.format import LEDGER
from speechlip.shards.ledger import read_ledger


def doubles(*arguments):
    return CliRunner().invoke(cli, ["doubles", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture(scope="module")
def videos(talking, tmp_path_factory):
    """Four people; of the first a re-encoded copy as another person, of the second the same file again."""
    folder = tmp_path_factory.mktemp("doubles") / "videos"
    shutil.copytree(talking, folder, ignore=shutil.ignore_patterns("*.json", "*.lock"))
    first, second = (folder / f"speaker-00{n}" / "clip-000.mp4" for n in (0, 1))
    for name, source in (("aa", first), ("zz", second)):
        (folder / name).mkdir()
        for ending in (".mp4", ".landmarks.npz"):
            shutil.copy(source.with_suffix(ending), folder / name / f"copy{ending}")
    frames, audio = zoo.read_clip(first)
    zoo.write_clip(folder / "aa" / "copy.mp4", frames, (audio * 0.5).astype("int16"))
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "data").iterdir())}


@pytest.fixture(scope="module")
def dropped(videos, tmp_path_factory):
    out = tmp_path_factory.mktemp("dropped") / "shards"
    result = prep(videos, "-o", out, "--detector", "sidecar", "--doubles", "drop", "--workers", 1)
    assert result.exit_code == 0, result.output
    return out, result


def test_a_double_is_a_row_that_names_what_is_kept(dropped):
    out, result = dropped
    rows = {row.source: vars(row) for row in read_ledger(out)}
    gone = {name: row for name, row in rows.items() if row["reason"] == "double"}
    assert sorted(gone) == ["speaker-000/clip-000.mp4", "zz/copy.mp4"]
    row = gone["speaker-000/clip-000.mp4"]
    assert (row["status"], row["stage"], row["clips"]) == ("skipped", "plan", 0)
    assert row["detail"].startswith("of 'aa/copy.mp4', which is kept: audio of 0:00.0–")
    assert gone["zz/copy.mp4"]["detail"] == "of 'speaker-001/clip-000.mp4', which is kept: the same file"
    assert row["dropped"] == {"double": pytest.approx(row["seconds"])}
    assert sum(row["clips"] > 0 for row in rows.values()) == 4
    assert "2 videos left out as double: speaker-000/clip-000.mp4, zz/copy.mp4" in result.stderr


def test_the_bytes_do_not_depend_on_workers_nor_on_a_second_run(videos, dropped, tmp_path):
    chosen = ("--detector", "sidecar", "--doubles", "drop", "--workers", 2)
    assert prep(videos, "-o", tmp_path / "two", *chosen).exit_code == 0
    assert contents(tmp_path / "two") == contents(dropped[0])
    ledger = (tmp_path / "two" / LEDGER).read_bytes()
    assert ledger == (dropped[0] / LEDGER).read_bytes()
    (tmp_path / "two" / "manifest.json").unlink()
    shutil.rmtree(tmp_path / "two" / "data")
    (tmp_path / "two" / LEDGER).unlink()
    assert prep(videos, "-o", tmp_path / "two", *chosen).exit_code == 0
    assert (tmp_path / "two" / LEDGER).read_bytes() == ledger


def test_copied_files_go_on_and_another_choice_is_refused(videos, tmp_path):
    """A copied folder has other times; the double is still one."""
    from speechlip.preparing.place.earlier_run import changed_since_the_plan
    from speechlip.preparing.plan.written import dump_plan, load_plan

    options = speechlip.PrepOptions(detector="sidecar", doubles="drop")
    plan, _ = load_plan(dump_plan(speechlip.prepare_plan(videos, tmp_path / "out", options), options))
    for path in videos.rglob("*.mp4"):
        path.touch()
    sources = [entry.source for entry in plan.sources]
    assert changed_since_the_plan(sources, options, plan, {}, False) == []


def test_nobody_looks_unless_asked(videos, tmp_path):
    plan = speechlip.prepare_plan(videos, tmp_path / "out", speechlip.PrepOptions(detector="sidecar"))
    assert plan.refused == ()
    with pytest.raises(OptionError, match="no --doubles 'dorp'; there are: keep, drop; did you mean drop"):
        speechlip.PrepOptions(doubles="dorp")


def test_another_choice_than_that_of_the_first_run_is_refused(videos, dropped):
    result = prep(videos, "-o", dropped[0], "--detector", "sidecar")
    assert result.exit_code == 1 and "doubles was 'drop', is now 'keep'" in result.stderr


def test_the_command_lists_doubles_of_videos(videos, tmp_path):
    (videos / "broken.mp4").write_bytes(b"no video")
    try:
        result = doubles(videos, "--csv", tmp_path / "pairs.csv", "--quiet")
    finally:
        (videos / "broken.mp4").unlink()
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "6 videos: 2 pairs with the same audio"
    assert "aa/copy.mp4 0:00.0–" in result.stdout and " = speaker-000/clip-000.mp4 0:00.0–" in result.stdout
    assert "not compared: broken.mp4: probe: not a video file" in result.stderr
    rows = list(csv.DictReader((tmp_path / "pairs.csv").open()))
    assert [(row["first"], row["second"], row["kind"]) for row in rows] == [
        ("aa/copy.mp4", "speaker-000/clip-000.mp4", "audio and images"),
        ("speaker-001/clip-000.mp4", "zz/copy.mp4", "audio and images"),
    ]


def test_a_leak_between_splits_of_finished_shards_is_said_first(videos, tmp_path):
    table = "file,split\naa/copy.mp4,test\n"
    leaking = shutil.copytree(videos, tmp_path / "videos")
    (leaking / "metadata.csv").write_text(table)
    assert prep(leaking, "-o", tmp_path / "out", "--detector", "sidecar").exit_code == 0
    result = doubles(tmp_path / "out", "--quiet")
    assert result.exit_code == 0
    first, leak = result.stdout.splitlines()[:2]
    assert first.endswith("2 pairs with the same audio, 1 in two splits")
    assert "(test) 0:00.0–" in leak and "(train)" in leak
    found = speechlip.find_doubles(tmp_path / "out")
    assert found.unit == "clip" and len(found.across_splits) == 1


def test_what_is_no_folder_of_videos_is_an_error(tmp_path):
    result = doubles(tmp_path / "none")
    assert result.exit_code == 1 and "does not exist; give a folder of videos" in result.stderr
    result = doubles(tmp_path)
    assert result.exit_code == 2 and "found no video" in result.stderr
