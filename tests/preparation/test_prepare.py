"""``speechlip.prepare`` and ``speechlip.prepare_plan``: the same as the command, without a word printed."""

import hashlib
from dataclasses import FrozenInstanceError

import pytest

import speechlip
from preparing import prep
from speechlip.errors import NoVideos, OptionError, ShardError
from speechlip.progress import Silent

OPTIONS = speechlip.PrepOptions(detector="sidecar", decoder="pyav", max_clip_s=2.0)


class Listening(Silent):
    """What a progress bar would show."""

    def __init__(self):
        self.stages, self.advanced, self.said = [], 0.0, []

    def begin(self, stage, total, unit, done=0.0):
        self.stages.append((stage, round(total, 2), unit, done))
        self.advanced = 0.0

    def advance(self, amount=1.0, at=""):
        self.advanced += amount

    def say(self, text):
        self.said.append(text)


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def progress():
    return Listening()


@pytest.fixture(scope="module")
def prepared(talking, progress, tmp_path_factory):
    return speechlip.prepare(talking, tmp_path_factory.mktemp("api") / "out", OPTIONS, progress=progress)


def test_the_record_says_what_the_folder_holds(prepared):
    assert prepared.clips == sum(split.clips for split in prepared.splits.values()) > 4
    assert [row.status for row in prepared.rows] == ["kept"] * 4
    assert prepared.funnel.sources_kept == 4 and prepared.skipped == {}
    assert {*prepared.shards} == {*prepared.folder.glob("data/*.tar")}
    with pytest.raises(FrozenInstanceError):
        prepared.folder = "elsewhere"


def test_the_command_writes_the_same_bytes(prepared, talking, tmp_path):
    done = prep(talking, "-o", tmp_path / "out", "--detector", "sidecar", "--max-clip", "2s", "--workers", 1)
    assert done.exit_code == 0
    assert contents(tmp_path / "out") == contents(prepared.folder)


def test_progress_runs_over_videos_and_then_over_their_seconds(prepared, progress):
    looking, preparing = progress.stages
    assert looking == ("looking", 4, "videos", 0.0)
    assert preparing[0] == "preparing" and preparing[2:] == ("s of video", 0.0)
    assert preparing[1] == pytest.approx(prepared.funnel.seconds, abs=0.2)
    assert progress.advanced == pytest.approx(preparing[1], rel=0.1) and progress.said == []


def test_nothing_is_printed_and_a_finished_folder_is_kept(prepared, talking, capfd):
    before = contents(prepared.folder)
    again = speechlip.prepare(str(talking), str(prepared.folder), OPTIONS)
    assert again == prepared and contents(prepared.folder) == before
    assert capfd.readouterr() == ("", "")


def test_the_server_of_workers_is_started_for_work_alone(prepared, talking, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr("speechlip.preparing.prepare.start_server", lambda: started.append("server"))
    speechlip.prepare(talking, prepared.folder, OPTIONS)
    speechlip.prepare_plan(talking, tmp_path / "out", OPTIONS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoVideos):
        speechlip.prepare(tmp_path / "empty", tmp_path / "out", OPTIONS)
    assert started == []


def test_other_options_are_refused(prepared, talking):
    other = speechlip.PrepOptions(detector="sidecar", max_clip_s=3.0)
    with pytest.raises(ShardError, match=r"max_clip_s was 2\.0, is now 3\.0"):
        speechlip.prepare(talking, prepared.folder, other)


def test_the_plan_writes_nothing(talking, tmp_path):
    plan = speechlip.prepare_plan(talking, tmp_path / "out", OPTIONS)
    assert len(plan.sources) == 4 and {unit.split for unit in plan.units} == {"train", "validation", "test"}
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("function", [speechlip.prepare, speechlip.prepare_plan])
def test_paths_that_cannot_be_used(function, tmp_path):
    with pytest.raises(OptionError, match="does not exist; give a folder of videos"):
        function(tmp_path / "none", tmp_path / "out")
    with pytest.raises(OptionError, match="must not be the video folder itself"):
        function(tmp_path, tmp_path / "." / "x" / "..")
    with pytest.raises(NoVideos, match="nothing to prepare: the recipe 'folder' found no video"):
        function(tmp_path, tmp_path / "out")


@pytest.mark.parametrize("function", [speechlip.prepare, speechlip.prepare_plan])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"workers": 0}, "workers is 0, wanted a whole number from 1 on"),
        ({"workers": 1.5}, "workers is 1.5, wanted a whole number from 1 on"),
        ({"options": {"crop": "lips"}}, r"options is {'crop': 'lips'}, wanted PrepOptions\(...\)"),
        ({"options": speechlip.ShardOptions()}, r"options is ShardOptions\(.*, wanted PrepOptions\(...\)"),
        ({"limits": (1, 2)}, r"limits is \(1, 2\), wanted Limits\(...\)"),
    ],
)
def test_arguments_of_another_kind(function, given, message, talking, tmp_path):
    with pytest.raises(OptionError, match=message):
        function(talking, tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_an_engine_that_is_not_there_is_refused_before_any_work(talking, tmp_path):
    with pytest.raises(OptionError, match="no engine 'slurm'; there are: local"):
        speechlip.prepare(talking, tmp_path / "out", OPTIONS, engine="slurm")
    done = prep(talking, "-o", tmp_path / "out", "--engine", "slurm", "--dry-run")
    assert (done.exit_code, "no engine 'slurm'" in done.stderr) == (1, True)
    assert not (tmp_path / "out").exists()


def test_wrong_options_are_refused_before_a_dry_run(talking, tmp_path):
    done = prep(talking, "-o", tmp_path / "out", "--crop", "nosuch", "--dry-run")
    assert (done.exit_code, "no crop preset 'nosuch'" in done.stderr) == (1, True)


def test_a_split_without_clips_and_the_empty_result_are_said(talking, tmp_path):
    one = speechlip.PrepOptions(detector="sidecar", limit=1)
    (warning,) = speechlip.prepare(talking, tmp_path / "one", one).warnings
    assert warning.startswith("no clip came into validation (0.05), test (0.05), which has a share")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.mp4").write_text("no video")
    nothing = speechlip.prepare(tmp_path / "bad", tmp_path / "none", OPTIONS)
    assert (nothing.clips, nothing.warnings) == (0, ())
    assert {reason: [row.source for row in rows] for reason, rows in nothing.skipped.items()} == {
        nothing.rows[0].reason: ["a.mp4"]
    }
