"""A folder scored again, and on: what is kept, what is refused, and clips that take their process along."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from score_command import run, table

from speechlip.errors import SourceRefused
from speechlip.scoring.clip import files
from speechlip.scoring.folder import job

pytestmark = [pytest.mark.early, pytest.mark.usefixtures("alone")]


def finished(out):
    return {path.name: path.stat().st_mtime_ns for path in (out / ".clips").glob("*.json")}


def test_finished_clips_are_not_scored_again(videos, tmp_path):
    out = tmp_path / "out"
    here = tmp_path / "renders"
    here.mkdir()
    for name in ("a.mp4", "b/c.mp4"):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_bytes((videos / "renders" / "b/c.mp4").read_bytes())
    asked = (here, "--metrics", "cpbd", "-o", out, "--workers", 1, "--quiet")
    assert run(*asked) == 0
    first, text = finished(out), (out / "scores.csv").read_text()
    assert run(*asked) == 0
    assert finished(out) == first and (out / "scores.csv").read_text() == text
    os.utime(here / "a.mp4", ns=(1, 1))
    run(*asked)
    assert len(finished(out).items() & first.items()) == 1, (
        "one file changed: one clip is scored again, and its old result is gone"
    )
    run(*asked, "--region", "face", "--detector", "cascade")
    assert not finished(out).keys() & first.keys(), "the options changed"
    assert "region face" in (out / "scores.csv").read_text()


def test_workers_change_nothing(videos, tmp_path):
    for workers in (1, 2):
        asked = (
            videos / "renders",
            "--reference",
            videos / "gt",
            "--metrics",
            "lmd,psnr",
            "--detector",
            "sidecar",
            "--quiet",
        )
        assert run(*asked, "--workers", workers, "-o", tmp_path / str(workers)) == 3
    assert (tmp_path / "1" / "scores.csv").read_text() == (tmp_path / "2" / "scores.csv").read_text()


def test_a_clip_that_kills_its_worker_takes_no_other_along(videos, tmp_path, monkeypatch):
    """The second worker dies at one clip every time; after two tries it is a row with a reason, and the next
    run tries it again.
    """
    monkeypatch.setattr(job, "score_task", dies_at_a)
    assert (
        run(videos / "renders", "--metrics", "cpbd", "-o", tmp_path / "out", "--workers", 2, "--quiet") == 3
    )
    assert [row["reason"] for row in table(tmp_path / "out")] == ["cpbd: crashed the worker", ""]
    before = finished(tmp_path / "out")
    monkeypatch.undo()
    assert (
        run(videos / "renders", "--metrics", "cpbd", "-o", tmp_path / "out", "--workers", 1, "--quiet") == 0
    )
    after = finished(tmp_path / "out")
    assert [row["status"] for row in table(tmp_path / "out")] == ["scored", "scored"]
    assert len(before.items() & after.items()) == 1, (
        "the clip that crashed is scored again, and the other one is not"
    )


def dies_at_a(task, report, **options):
    from speechlip.scoring.folder.job import score_task

    report(task.clip, 0.0)
    if task.clip == "a.mp4":
        os._exit(7)
    return score_task(task, report, **options)


def test_a_sub_folder_scored_into_its_parents_scores_takes_no_rows_away(videos, tmp_path, capsys):
    out, asked = tmp_path / "out", ("--metrics", "cpbd", "--workers", 1, "--quiet")
    renders = Path(shutil.copytree(videos / "renders", tmp_path / "renders"))
    assert run(renders, *asked, "-o", out) == 0
    before, text = finished(out), (out / "scores.csv").read_text()
    for part in (renders / "b", renders / "a.mp4"):
        assert run(part, *asked, "-o", out) == 1
        assert "holds the scores of 1 clip that this run leaves out" in capsys.readouterr().err
    assert (finished(out), (out / "scores.csv").read_text()) == (before, text)
    (out / ".clips" / "index").unlink()
    assert run(renders / "b", *asked, "-o", out) == 1, "scores of an older release say it as well"
    (renders / "a.mp4").unlink()
    assert run(renders, *asked, "-o", out) == 0 and [row["clip"] for row in table(out)] == ["b/c.mp4"]


def test_scores_of_fewer_metrics_do_not_take_the_place_of_more(videos, tmp_path, capsys):
    asked = (
        videos / "renders" / "a.mp4",
        "-o",
        tmp_path / "out",
        "--reference",
        videos / "gt",
        "--workers",
        1,
        "--quiet",
    )
    assert run(*asked, "--metrics", "psnr,cpbd") == 0
    before = finished(tmp_path / "out")
    assert run(*asked, "--metrics", "cpbd") == 1 and finished(tmp_path / "out") == before
    assert (
        "holds scores of psnr as well, which this run leaves out and would remove" in capsys.readouterr().err
    )
    assert run(*asked, "--metrics", "psnr,ssim,cpbd") == 0


def test_clips_that_could_not_be_read_are_scored_by_the_next_run(videos, tmp_path, monkeypatch):
    """A disk may give them later, and who owns them may allow it, which changes neither size nor time."""
    reasons = {"a.mp4": "unreadable file: input/output error", "c.mp4": "unreadable file"}

    def refused(path, *rest, **options):
        raise SourceRefused("probe", reasons[path.name])

    asked = (videos / "renders", "--metrics", "cpbd", "-o", tmp_path / "out", "--workers", 1, "--quiet")
    with monkeypatch.context() as patch:
        patch.setattr(files, "probe", refused)
        assert run(*asked) == 3
    assert [row["reason"] for row in table(tmp_path / "out")] == [f"cpbd: {why}" for why in reasons.values()]
    assert run(*asked) == 0


def test_what_a_killed_run_left_is_removed_and_a_damaged_result_is_made_again(
    videos, tmp_path, random_weights
):
    out, weights = tmp_path / "out", ("--syncnet-weights", random_weights, "--allow-unknown-weights")
    left = out / ".clips" / "scratch" / "score-sync-x" / "transcode.avi"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"left by a kill")
    asked = (videos / "renders" / "b", *weights, "--metrics", "cpbd", "--workers", 1, "--quiet", "-o", out)
    assert run(*asked) == 0
    assert not left.parent.parent.exists()
    (result,) = (out / ".clips").glob("*.json")
    text = result.read_text()
    result.write_text("")
    assert run(*asked) == 0 and json.loads(result.read_text())["rows"] == json.loads(text)["rows"]


def test_a_clip_is_scored_again_in_another_precision(videos, tmp_path, random_weights):
    out, weights = tmp_path / "out", ("--syncnet-weights", random_weights, "--allow-unknown-weights")
    asked = (videos / "renders" / "a.mp4", *weights, "--metrics", "lse", "--detector", "sidecar", "-o", out)
    asked = (*asked, "--workers", 1, "--quiet")
    results, said = [], []
    for precision in ("fp32", "bf16"):
        assert run(*asked, "--precision", precision) == 0
        results.append(finished(out))
        said.append(table(out)[0]["protocol"])
        assert json.loads((out / "scores.json").read_text())["options"]["precision"] == precision
    assert not results[0].keys() & results[1].keys(), "no result of the other precision is left or taken"
    assert said[1] == said[0] + ", SyncNet in bf16"


def test_a_clip_over_a_limit_is_a_row_with_the_reason_and_the_others_are_scored(
    videos, tmp_path, monkeypatch
):
    monkeypatch.setattr(job, "score_task", hangs_at_a)
    asked = (videos / "renders", "--metrics", "cpbd", "-o", tmp_path / "out", "--workers", 2)
    assert run(*asked, "--max-wait", "8s") == 3
    assert [row["reason"] for row in table(tmp_path / "out")] == ["cpbd: over the limit", ""]
    (note,) = json.loads((tmp_path / "out" / "scores.json").read_text())["clips"][0]["notes"]
    assert note == "over the limit: no step forward in 8 s (--max-wait)"
    monkeypatch.undo()
    assert run(*asked, "--quiet") == 0, "the same command tries it again"


def hangs_at_a(task, report, **options):
    from speechlip.scoring.folder.job import score_task

    report(task.clip, 0.0)
    time.sleep(60 * (task.clip == "a.mp4"))
    return score_task(task, report, **options)
