"""Videos that go away, and workers that die: the same command goes on and ends with the same bytes."""

import errno
import os
import shutil
import time

import pytest
from hindered import OPTIONS, by_name, contents, dying_at, in_this_process, rows, run

from speechlip.errors import ReadError, ShardError, SourceRefused
from speechlip.preparing.cut import unit as prepare
from speechlip.preparing.plan import inspecting, planned_source
from speechlip.preparing.plan.make_plan import make_plan
from speechlip.recipes import synthetic
from speechlip.workers.events import Crashed, Limits
from speechlip.workers.outcomes import outcomes

# videos that go away


@pytest.mark.parametrize("what", ["everything", "one video", "landmarks", "the end of one"])
def test_videos_that_go_away_midway_end_the_run_and_it_goes_on_when_they_are_back(
    videos, undisturbed, tmp_path, what
):
    last = sorted(videos.rglob("*.mp4"))[-1]
    gone = {"everything": videos, "landmarks": last.with_name(f"{last.stem}.landmarks.npz")}.get(what, last)
    aside = tmp_path / "aside"

    def pulled(work, units, workers):
        for number, unit in enumerate(by_name(units)):
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


def test_a_video_that_killed_its_worker_twice_is_tried_again_by_the_same_command(
    videos, undisturbed, tmp_path
):
    name, out = "speaker-001/clip-000.mp4", tmp_path / "out"
    with pytest.raises(
        ShardError,
        match=rf"1 video met what another run may not: '{name}' "
        r"\(crashed the worker: exit code -9\).*tries again",
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


def test_a_disk_that_does_not_give_a_video_is_said_plainly_and_tried_again(
    videos, undisturbed, tmp_path, monkeypatch
):
    """A bad sector: the file is there, has its size, and its end can be read."""
    cut_source = prepare.cut_source

    def fails(source, *rest):
        if "001" in source.name:
            raise ReadError(errno.EIO, os.strerror(errno.EIO), str(source.path))
        return cut_source(source, *rest)

    advice = "clip-000.mp4: check its disk or network, or copy it again"
    said = rf"'speaker-001/clip-000.mp4' \(unreadable file: input/output error: {advice}\)\. The same command"
    with monkeypatch.context() as patched:
        patched.setattr(prepare, "cut_source", fails)
        with pytest.raises(ShardError, match=said):
            run(videos, tmp_path / "out")
        shutil.copytree(tmp_path / "out", tmp_path / "without")
        run(videos, tmp_path / "without", accept_losses=True)
    row = rows(tmp_path / "without")["speaker-001/clip-000.mp4"]
    assert (row["status"], row["stage"], row["reason"], row["detail"]) == (
        "skipped",
        "read",
        "unreadable file: input/output error",
        advice,
    )
    run(videos, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(undisturbed)


def test_a_disk_that_does_not_give_phones_to_the_plan_is_said_and_the_same_command_goes_on(
    videos, undisturbed, tmp_path, monkeypatch
):
    """Else the plan would hold another content than the next run finds."""

    def fails(path):
        raise ReadError(errno.EIO, os.strerror(errno.EIO), str(path))

    with monkeypatch.context() as patched, pytest.raises(ReadError, match=r"clip-000\.TextGrid"):
        patched.setattr(planned_source, "sha256_of", fails)
        run(videos, tmp_path / "out")
    run(videos, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(undisturbed)


def test_a_refusal_is_not_tried_again(videos, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise SourceRefused("video", "no picture")

    monkeypatch.setattr(prepare, "observe", refuse)
    run(videos, tmp_path / "out")
    assert {row["reason"] for row in rows(tmp_path / "out").values()} == {"no picture"}
