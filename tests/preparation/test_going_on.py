"""A run that was hindered: videos that go away, workers that die, shards that get lost. The same command ends with the bytes of a run without."""

import hashlib
import json
import os
import shutil
import time
from pathlib import Path

import pytest

from speechlip.errors import ShardError, SourceRefused
from speechlip.manifest import About
from speechlip.preparing.cut import unit as prepare
from speechlip.preparing.job import Job
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan import inspecting
from speechlip.preparing.plan.make_plan import make_plan
from speechlip.preparing.run import run_job
from speechlip.progress import Silent
from speechlip.recipes import synthetic
from speechlip.workers.events import Crashed, Limits
from speechlip.workers.outcomes import outcomes

OPTIONS = PrepOptions(recipe="synthetic", detector="sidecar", max_clip_s=2.0)


class LeftToDo(Silent):
    """Seconds of video that a run has to prepare; 0 where there are none."""

    left_s = 0.0

    def begin(self, stage, total, unit, done=0.0):
        if stage == "preparing":
            self.left_s = total - done


def in_this_process(work, units, workers):
    while units:
        work(units.popleft(), lambda source, seconds: None)
        yield from ()


def run(
    videos, out, engine=in_this_process, accept_losses=False, write_card=lambda *made: None, sources=None
):
    """The manifest, and how much was left to do."""
    progress = LeftToDo()
    sources = list(synthetic.sources(videos)) if sources is None else sources
    job = Job(out, sources, OPTIONS, About(), accept_losses=accept_losses)
    manifest = run_job(job, engine, 1, progress, write_card)
    return manifest, progress.left_s


def contents(folder):
    """SHA-256 of every file by its relative path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rows(out):
    return {row["source"]: row for row in map(json.loads, (out / "ledger.jsonl").read_text().splitlines())}


def leave(out):
    """What an interrupted end leaves: every shard in place, no manifest."""
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def undisturbed(made_once, talking):
    return made_once("undisturbed", lambda folder: run(talking, folder))


@pytest.fixture
def videos(talking, tmp_path):
    return Path(shutil.copytree(talking, tmp_path / "videos"))


@pytest.fixture
def out(undisturbed, tmp_path):
    return Path(shutil.copytree(undisturbed, tmp_path / "out"))


@pytest.fixture
def unfinished(videos, tmp_path):
    """Two of four shards are made, then somebody pulls the plug."""
    with pytest.raises(KeyboardInterrupt):
        run(videos, tmp_path / "begun", stopping_after(2, KeyboardInterrupt()))
    return tmp_path / "begun"


def stopping_after(n_units, error):
    def engine(work, units, workers):
        for _ in range(n_units):
            work(units.popleft(), lambda source, seconds: None)
            yield from ()
        raise error

    return engine


# videos that go away


@pytest.mark.parametrize("what", ["everything", "one video", "landmarks", "the end of one"])
def test_videos_that_go_away_midway_end_the_run_and_it_goes_on_when_they_are_back(
    videos, undisturbed, tmp_path, what
):
    last = sorted(videos.rglob("*.mp4"))[-1]
    gone = {"everything": videos, "landmarks": last.with_name(f"{last.stem}.landmarks.npz")}.get(what, last)
    aside = tmp_path / "aside"

    def pulled(work, units, workers):
        for number, unit in enumerate(list(units)):
            work(unit, lambda source, seconds: None)
            if number == 1:
                gone.rename(aside)
                if what == "the end of one":
                    gone.write_bytes(aside.read_bytes()[:-1000])
        yield from ()

    with pytest.raises(
        ShardError,
        match=r"could be read when the plan was made, and .*bring it back, and the same command goes on",
    ):
        run(videos, tmp_path / "out", pulled)
    assert not (tmp_path / "out" / "manifest.json").exists()
    if what == "the end of one":
        gone.unlink()
    aside.rename(gone)
    _, left_s = run(videos, tmp_path / "out")
    assert 0 < left_s < sum(row["seconds"] for row in rows(tmp_path / "out").values())
    assert contents(tmp_path / "out") == contents(undisturbed)


def test_losses_can_be_accepted_and_then_the_folder_is_finished(videos, unfinished):
    last = sorted(videos.rglob("*.mp4"))[-1]
    left = [source for source in synthetic.sources(videos) if source.path != last]
    aside = last.rename(last.with_suffix(".aside"))
    with pytest.raises(ShardError, match=r"\(gone\)"):
        run(videos, unfinished, sources=left)
    run(videos, unfinished, accept_losses=True, sources=left)
    row = rows(unfinished)[last.relative_to(videos).as_posix()]
    assert (row["status"], row["stage"], row["reason"], row["detail"]) == (
        "skipped",
        "probe",
        "went away",
        "is gone now",
    )
    before = contents(unfinished)
    run(videos, unfinished, sources=left)
    aside.rename(last)
    run(videos, unfinished)
    assert contents(unfinished) == before, "it is finished, whether the video is back or not"


def test_a_folder_that_goes_away_while_the_plan_is_made_leaves_no_plan(videos, tmp_path, monkeypatch):
    inspect_source = inspecting.inspect_source
    monkeypatch.setattr(
        inspecting,
        "inspect_source",
        lambda *arguments: shutil.rmtree(videos, ignore_errors=True) or inspect_source(*arguments),
    )
    with pytest.raises(
        ShardError,
        match=r"4 videos went away while the plan was made \('speaker-00.*run the same command again",
    ):
        run(videos, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.json"))


def odd_inspection(task, report):
    """At one source the process hangs, at another it dies, a third meets an error that nobody expects."""
    if "3/" in task.source.name:
        raise RuntimeError
    report(task.source.name, 0.0)
    if "0/" in task.source.name:
        time.sleep(60)
    if "1/" in task.source.name:
        os._exit(9)
    return inspecting.inspect(task, report)


def test_no_source_stops_the_planning(videos, monkeypatch):
    def inspect(tasks):
        monkeypatch.setattr(inspecting, "inspect_source", None)  # the fourth, in this process
        yield inspecting.inspect(tasks.pop(3), lambda source, seconds: None)
        yield from (
            seen
            for _, seen in outcomes(
                odd_inspection, tasks, 3, lambda *_: None, inspecting.after_crash, limits=Limits(4.0, 0)
            )
        )

    made = make_plan(list(synthetic.sources(videos)), OPTIONS, inspect=inspect)
    ((_, refused),) = made.refused
    assert refused.source.name == "speaker-000/clip-000.mp4"
    assert refused.refusal == ("worker", "over the limit", "no step forward in 4 s (--max-wait)")
    seconds = {entry.source.name[8:11]: entry.seconds for entry in made.sources}
    assert seconds.pop("002") > 2 and set(seconds.values()) == {0.0}, (
        "what died or failed is tried again at its turn"
    )
    assert all(entry.bytes and entry.declared["landmarks"] for entry in made.sources)


# what another run may not meet


def dying_at(name, deaths):
    """An engine whose worker dies at one source so many times."""

    def engine(work, units, workers):
        left = deaths
        while units:
            unit = units.popleft()
            if left and name in [planned.source.name for planned in unit.sources]:
                left -= 1
                yield Crashed(unit, name, -9)
            else:
                work(unit, lambda source, seconds: None)

    return engine


def test_a_video_that_killed_its_worker_twice_is_tried_again_by_the_same_command(
    videos, undisturbed, tmp_path
):
    name, out = "speaker-001/clip-000.mp4", tmp_path / "out"
    with pytest.raises(
        ShardError,
        match=rf"1 video met what another run may not: '{name}' \(crashed the worker: exit code -9\).*tries again",
    ):
        run(videos, out, dying_at(name, 2))
    assert not (out / "manifest.json").exists()
    _, left_s = run(videos, out)
    assert left_s == rows(undisturbed)[name]["seconds"], "the others are not made again"
    assert contents(out) == contents(undisturbed)


def test_a_crash_can_be_accepted_as_a_loss(videos, tmp_path):
    name, out = "speaker-001/clip-000.mp4", tmp_path / "out"
    run(videos, out, dying_at(name, 2), accept_losses=True)
    row = rows(out)[name]
    assert (row["status"], row["stage"], row["reason"], row["detail"]) == (
        "skipped",
        "worker",
        "crashed the worker",
        "exit code -9",
    )
    before = contents(out)
    assert run(videos, out)[1] == 0 and contents(out) == before, "a finished folder stays as it is"


def test_a_video_over_a_limit_is_refused_and_the_folder_finished(videos, tmp_path):
    def engine(work, units, workers):
        name = "speaker-002/clip-000.mp4"
        of_it = [unit for unit in units if name in [planned.source.name for planned in unit.sources]]
        over = [Crashed(unit, name, -9, "no step forward in 600 s") for unit in of_it]
        for event in over[:1]:
            units.remove(event.unit)
            yield event
        yield from in_this_process(work, units, workers)

    run(videos, tmp_path / "out", engine)
    row = rows(tmp_path / "out")["speaker-002/clip-000.mp4"]
    assert (row["stage"], row["reason"], row["detail"]) == (
        "worker",
        "over the limit",
        "no step forward in 600 s",
    )


def test_an_error_that_nobody_expected_is_tried_again_by_the_same_command(
    videos, undisturbed, tmp_path, monkeypatch
):
    cut_source = prepare.cut_source

    def once(source, *rest):
        if "001" in source.name:
            raise RuntimeError("the disk hiccuped")
        return cut_source(source, *rest)

    with (
        monkeypatch.context() as patched,
        pytest.raises(ShardError, match="unexpected error: RuntimeError: the disk hiccuped"),
    ):
        patched.setattr(prepare, "cut_source", once)
        run(videos, tmp_path / "out")
    run(videos, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(undisturbed)


def test_a_refusal_is_not_tried_again(videos, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise SourceRefused("video", "no picture")

    monkeypatch.setattr(prepare, "observe", refuse)
    run(videos, tmp_path / "out")
    assert {row["reason"] for row in rows(tmp_path / "out").values()} == {"no picture"}


# shards that get lost


@pytest.mark.parametrize("damage", ["missing", "cut", "all missing"])
def test_shards_of_a_finished_folder_that_are_missing_or_cut_are_made_again(videos, out, undisturbed, damage):
    shards = sorted((out / "data").glob("*.tar"))
    for shard in shards if damage == "all missing" else shards[1:2]:
        if damage == "cut":
            os.truncate(shard, 1000)
        else:
            shard.unlink()
    _, left_s = run(videos, out)
    assert contents(out) == contents(undisturbed)
    assert damage == "all missing" or left_s < sum(row["seconds"] for row in rows(out).values())


def test_a_shard_that_comes_out_otherwise_is_not_put_in_place(videos, out):
    shard = sorted((out / "data").glob("*.tar"))[0]
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["shards"][[row["name"] for row in manifest["shards"]].index(shard.name)]["sha256"] = "0" * 64
    manifest["versions"]["av"] = "0.1"
    manifest.pop("digest", None)
    (out / "manifest.json").write_text(json.dumps(manifest))
    shard.unlink()
    with pytest.raises(
        ShardError,
        match=rf"{shard.name} was made again and came out otherwise \(av was 0\.1, is .*restore it from a copy",
    ):
        run(videos, out)
    assert not shard.exists()


@pytest.mark.parametrize("where", ["work", "data"])
def test_an_unfinished_folder_without_a_tar_makes_it_again(videos, undisturbed, tmp_path, where):
    out = tmp_path / "out"
    if where == "data":
        with pytest.raises(KeyboardInterrupt):
            run(videos, out, write_card=lambda *made: leave(out))
        sorted((out / "data").glob("*.tar"))[1].unlink()
    else:
        with pytest.raises(KeyboardInterrupt):
            run(videos, out, stopping_after(3, KeyboardInterrupt()))
        sorted((out / ".work").glob("*.tar"))[1].unlink()
    run(videos, out)
    assert contents(out) == contents(undisturbed)


def test_shards_of_an_end_that_comes_out_otherwise_leave_nothing_behind(videos, undisturbed, tmp_path):
    """Killed with losses accepted and three shards in place; then the fourth comes out after all."""
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(
            videos,
            out,
            dying_at("speaker-001/clip-000.mp4", 2),
            accept_losses=True,
            write_card=lambda *made: leave(out),
        )
    run(videos, out)
    assert contents(out) == contents(undisturbed)


# manifest, ledger, plan


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "manifest.json",
            None,
            r"no manifest\.json, without which nobody knows whether they are whole: restore it from a copy, or delete",
        ),
        ("manifest.json", "", r"manifest\.json is not JSON .*prepare"),
        (
            "ledger.jsonl",
            None,
            r"ledger\.jsonl cannot be read .*restore it from a copy, or delete the folder",
        ),
        ("ledger.jsonl", "", r"ledger\.jsonl has 0 rows, manifest\.json counts 4; restore it"),
        ("ledger.jsonl", "[]\n" * 4, r"ledger\.jsonl cannot be read|ledger\.jsonl has 0 rows"),
    ],
)
def test_a_finished_folder_that_lost_its_papers_says_what_to_do(videos, out, name, text, words):
    (out / name).unlink() if text is None else (out / name).write_text(text)
    with pytest.raises(ShardError, match=words):
        run(videos, out)


@pytest.mark.parametrize("text", [None, "", "{}", "[1]"])
def test_an_unfinished_folder_that_lost_its_plan_says_what_to_do(videos, unfinished, undisturbed, text):
    path = unfinished / ".work" / "plan.json"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(
        ShardError, match=rf"plan\.json.*delete {path.parent}, and the same command begins anew"
    ):
        run(videos, unfinished)
    shutil.rmtree(path.parent)
    run(videos, unfinished)
    assert contents(unfinished) == contents(undisturbed)


def test_a_result_that_was_emptied_is_made_again(videos, unfinished, undisturbed):
    sorted((unfinished / ".work").glob("t*.json"))[0].write_text("")
    run(videos, unfinished)
    assert contents(unfinished) == contents(undisturbed)


def test_videos_that_were_copied_again_go_on_and_others_of_the_same_size_do_not(
    videos, unfinished, undisturbed
):
    for number, path in enumerate(sorted(videos.rglob("*.mp4"))):
        os.utime(path, (number, number))
    made = {path: path.stat().st_mtime_ns for path in (unfinished / ".work").glob("*.tar")}
    (row, *_) = json.loads(sorted((unfinished / ".work").glob("t*-00000.json"))[0].read_text())["rows"]
    one = videos / row["source"]
    content = one.read_bytes()
    one.write_bytes(content[:-9] + b"otherwise")
    with pytest.raises(ShardError, match=rf"1 source new, gone or changed: '{row['source']}' \(video\)"):
        run(videos, unfinished)
    assert {path: path.stat().st_mtime_ns for path in (unfinished / ".work").glob("*.tar")} == made
    one.write_bytes(content)
    _, left_s = run(videos, unfinished)
    assert left_s < sum(row["seconds"] for row in rows(unfinished).values())
    assert contents(unfinished) == contents(undisturbed)
