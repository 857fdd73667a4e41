"""``prep-shards --doubles drop`` and ``mark``, and ``speechlip doubles`` of videos and of shards."""

import csv
import shutil
from dataclasses import asdict

import pytest
from click.testing import CliRunner

import speechlip
import zoo
from preparing import prep
from speechlip.commands.cli import speechlip as cli
from speechlip.errors import OptionError
from speechlip.format import LEDGER
from speechlip.shards.ledger_file import read_ledger


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
    rows = {row.source: asdict(row) for row in read_ledger(out)}
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
    shutil.rmtree(tmp_path / "two")
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
    with pytest.raises(OptionError, match="'dorp'; there are: keep, drop, mark; did you mean drop"):
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


@pytest.fixture(scope="module")
def marked(videos, tmp_path_factory):
    """A copy is declared to be of the test split; the one that it is a double of has to go there, too."""
    folder = shutil.copytree(videos, tmp_path_factory.mktemp("marked") / "videos")
    (folder / "metadata.csv").write_text("file,split\naa/copy.mp4,test\nspeaker-001/clip-000.mp4,train\n")
    out = folder.parent / "shards"
    result = prep(folder, "-o", out, "--detector", "sidecar", "--doubles", "mark")
    assert result.exit_code == 0, result.output
    return folder, out, result


def test_a_marked_double_is_kept_in_the_split_of_what_it_doubles(marked):
    _, out, result = marked
    assert "2 videos marked as double: speaker-000/clip-000.mp4, zz/copy.mp4" in result.stderr
    rows = {row.source: row for row in read_ledger(out)}
    assert all(row.clips for row in rows.values()) and len(rows) == 6
    assert {name: row.double_of for name, row in rows.items() if row.double_of} == {
        "speaker-000/clip-000.mp4": "aa/copy.mp4",
        "zz/copy.mp4": "speaker-001/clip-000.mp4",
    }
    assert rows["speaker-000/clip-000.mp4"].split == rows["aa/copy.mp4"].split == "test"
    assert rows["zz/copy.mp4"].split == rows["speaker-001/clip-000.mp4"].split == "train"
    assert speechlip.verify(out).ok


def test_a_column_names_what_a_clip_is_a_double_of(marked, dropped):
    _, out, _ = marked
    rows = speechlip.clips(out, "double_of != ''").chosen(["source", "double_of"]).to_pylist()
    assert {row["source"]: row["double_of"] for row in rows} == {
        "speaker-000/clip-000.mp4": "aa/copy.mp4",
        "zz/copy.mp4": "speaker-001/clip-000.mp4",
    }
    assert len(speechlip.clips(out, "double_of = ''").chosen()) == 4
    assert not len(speechlip.clips(dropped[0], "double_of = ''").chosen()), "nobody marked them"


def test_a_double_moved_to_another_split_is_refused(marked, tmp_path):
    _, out, _ = marked
    edit = ["edit", "split", str(out), "-o", str(tmp_path / "out"), "--to", "test", "--quiet"]
    result = CliRunner().invoke(cli, [*edit, "--where", "speaker = 'zz'"])
    assert result.exit_code == 1
    assert "'zz/copy.mp4' is in split test, and 'speaker-001/clip-000.mp4', which it is a double of" in (
        result.stderr
    )


def test_doubles_in_two_declared_splits_are_kept_apart_by_leaving_one_out(marked, tmp_path):
    folder, _, _ = marked
    table = "file,split\naa/copy.mp4,test\nspeaker-000/clip-000.mp4,train\nzz/copy.mp4,train\n"
    other = shutil.copytree(folder, tmp_path / "videos")
    (other / "metadata.csv").write_text(table)
    options = speechlip.PrepOptions(detector="sidecar", doubles="mark")
    plan = speechlip.prepare_plan(other, tmp_path / "out", options)
    ((split, refused),) = plan.refused
    assert (split, refused.source.name) == ("train", "speaker-000/clip-000.mp4")
    assert refused.refusal[1] == "double"
    assert "of 'aa/copy.mp4', which is kept and declared in another split: audio of" in refused.refusal[2]
    split_of = {entry.source.name: unit.split for unit in plan.units for entry in unit.sources}
    assert split_of["speaker-001/clip-000.mp4"] == split_of["zz/copy.mp4"] == "train"


def test_what_is_cut_in_time_cannot_be_marked():
    with pytest.raises(OptionError, match="--split-by time puts every video into several"):
        speechlip.PrepOptions(doubles="mark", split_by="time")


def test_ties_do_not_depend_on_the_order():
    from speechlip.preparing.plan.planned_source import PlannedSource
    from speechlip.preparing.plan.ties import by_speaker, tied
    from speechlip.records import Source

    def entry(name, double_of="", split=None):
        return PlannedSource(Source(name, name, name[0], split=split), 1, 1, 2.0, double_of=double_of)

    entries = [entry("a1"), entry("a2", "b1"), entry("b1"), entry("c1", "a1"), entry("d1", "e1", "test")]
    entries += [entry("e1", split="train"), entry("f1")]
    for order in (entries, entries[::-1]):
        ties, apart = tied(order, by_speaker)
        assert [ties.first(name) for name in "abcdef"] == ["a", "a", "a", "d", "e", "f"]
        assert apart == {"d1"}


def test_who_is_seen_beside_a_speaker_is_tied_to_them():
    from speechlip.preparing.plan.planned_source import PlannedSource
    from speechlip.preparing.plan.ties import by_speaker, tied
    from speechlip.records import Source

    entries = [
        PlannedSource(Source("a", "a", "ann"), 1, 1, 2.0, also=("cleo", "who speaks in none")),
        PlannedSource(Source("b", "b", "bea"), 1, 1, 2.0),
        PlannedSource(Source("c", "c", "cleo"), 1, 1, 2.0),
    ]
    ties, _ = tied(entries, by_speaker)
    assert [ties.first(name) for name in ("ann", "bea", "cleo")] == ["ann", "bea", "ann"]


def test_a_host_who_is_the_speaker_of_no_video_ties_the_guests():
    from speechlip.preparing.plan.planned_source import PlannedSource
    from speechlip.preparing.plan.ties import by_file, by_speaker, tied
    from speechlip.records import Source

    entries = [
        PlannedSource(Source("a", "a", "ann"), 1, 1, 2.0, also=("host",)),
        PlannedSource(Source("b", "b", "bea"), 1, 1, 2.0, also=("host",)),
        PlannedSource(Source("c", "c", "cleo"), 1, 1, 2.0, also=("b",)),
    ]
    ties, _ = tied(entries, by_speaker)
    assert ties.first("ann") == ties.first("bea") != ties.first("cleo")
    ties, _ = tied(entries, by_file)
    assert len({ties.first(name) for name in "abc"}) == 3, "people tie speakers, and no files"
