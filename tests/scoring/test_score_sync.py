"""The command: columns, exit codes, going on where it stopped, and folders full of files that are no good."""

import csv
import json
import os
import pickle
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from here import in_this_process
from speechlip.commands.cli import score_sync
from speechlip.scoring import protocols
from speechlip.scoring.audit import run as audit_run
from speechlip.scoring.columns import row_columns
from speechlip.scoring.folder import job

pytestmark = pytest.mark.slow

COLUMNS = [
    *("clip", "track", "status", "reason"),
    *(
        "lse_c",
        "lse_d",
        "offset_frames",
        "offset_ms",
        "lse_c_unpadded",
        "lse_d_unpadded",
        "lse_ci_low",
        "lse_ci_high",
        "windows",
    ),
    *(
        "lmd",
        "lmd_iod",
        "frames_compared",
        "psnr",
        "ssim",
        "lpips",
        "cpbd",
        "protocol",
        "pictures_compared",
        "offset_verdict",
    ),
    *("ffmpeg", "net_delay_ms"),
]


@pytest.fixture(autouse=True)
def no_models(tmp_path, monkeypatch):
    """An empty cache of model files, also torch's."""
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture(autouse=True)
def one_worker_is_this_process(monkeypatch):
    monkeypatch.setattr(job, "outcomes", in_this_process)
    monkeypatch.setattr(audit_run, "outcomes", in_this_process)


def run(*arguments):
    """Exit code of ``score-sync``."""
    with pytest.raises(SystemExit) as ended:
        score_sync([str(argument) for argument in arguments])
    return ended.value.code


def table(out):
    with (out / "scores.csv").open(newline="") as file:
        return [row | {"clip": row["clip"].removeprefix("'")} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def videos(head, tmp_path_factory):
    """A folder of references and a folder of renders: one the same, one cut short."""
    root = tmp_path_factory.mktemp("videos")
    for name, frames in (("a", 50), ("b/c", 30)):
        head.write(
            root / "gt" / f"{name}.mp4",
            head.frames[:frames],
            head.audio[: frames * 640],
            head.landmarks[:frames],
        )
    head.write(
        root / "renders" / "a.mp4", head.frames[:50] // 2 + 60, head.audio[: 50 * 640], head.landmarks[:50]
    )
    head.write(root / "renders" / "b/c.mp4", head.frames[:20], head.audio[: 20 * 640], head.landmarks[:20])
    return root


def test_columns_are_the_ones_that_others_rely_on(videos, tmp_path):
    assert row_columns() == COLUMNS
    run(
        videos / "renders" / "a.mp4",
        "--metrics",
        "psnr",
        "--reference",
        videos / "gt",
        "-o",
        tmp_path / "out",
    )
    assert list(table(tmp_path / "out")[0]) == COLUMNS


def test_everything_that_needs_no_weights_is_scored_and_the_rest_says_why(videos, tmp_path, capsys):
    out = tmp_path / "out"
    assert (
        run(
            videos / "renders",
            "--reference",
            videos / "gt",
            "-o",
            out,
            "--detector",
            "sidecar",
            "--workers",
            1,
        )
        == 3
    )
    a, c = table(out)
    assert (a["clip"], c["clip"], a["status"], c["status"]) == ("a.mp4", "b/c.mp4", "partial", "partial")
    assert a["reason"] == "lse: no SyncNet weights; lpips: no AlexNet weights"
    assert float(a["lmd"]) == 0 and 10 < float(a["psnr"]) < 30 and 0 < float(a["ssim"]) < 1 and a["cpbd"]
    assert (a["frames_compared"], a["pictures_compared"], c["frames_compared"], c["pictures_compared"]) == (
        "50",
        "50",
        "",
        "20",
    )
    assert (
        c["reason"]
        == "lse: no SyncNet weights; lmd: length mismatch; psnr: length mismatch; ssim: length mismatch; lpips: no AlexNet weights"
    )
    assert c["cpbd"] and not c["psnr"]
    said = capsys.readouterr()
    assert "speechlip models fetch syncnet_v2" in said.err and "7 of 12 scores missing" in said.err
    assert "PSNR ↑" in said.out and "report.html" in said.out


def test_scores_json_says_what_the_numbers_are(videos, tmp_path, random_weights, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["/bin/score-sync", "my renders"])
    monkeypatch.setattr(
        sys.modules["__main__"], "__package__", "", raising=False
    )  # click looks there for `python -m`
    weights = ("--syncnet-weights", random_weights, "--allow-unknown-weights")
    assert (
        run(
            videos / "renders" / "a.mp4",
            *weights,
            "--metrics",
            "lse",
            "-o",
            out,
            "--detector",
            "sidecar",
            "--workers",
            1,
            "--quiet",
        )
        == 0
    )
    scores = json.loads((out / "scores.json").read_text())
    hash_ = scores["sync_model"]["sha256"]
    assert (
        scores["sync_model"] == {"name": "SyncNet", "sha256": hash_, "official": False, "is_lse": True}
        and len(hash_) == 64
    )
    assert (
        scores["models"] == {"random.model": hash_}
        and scores["protocol"]["id"] == "direct"
        and scores["protocol"]["codec_path"] == "none"
    )
    assert scores["command"] == "score-sync 'my renders'"
    assert scores["versions"]["torch"] and scores["missing"] == {} and scores["unused_references"] == []
    (row,) = scores["rows"]
    assert row["protocol"] == f"direct, unknown weights {hash_[:12]}" and row["windows"] == 45
    assert (
        scores["aggregates"]["lse_c"]["mean"] == row["lse_c"] and scores["aggregates"]["lse_c"]["scored"] == 1
    )
    (clip,) = scores["clips"]
    assert len(clip["tracks"][0]["curve"]) == 31 and min(clip["tracks"][0]["curve"]) == pytest.approx(
        row["lse_d"], abs=1e-4
    )
    assert (
        clip["strip_render"].startswith("/9j/")
        and len(clip["strip_frames"]) == 10
        and clip["strip_reference"] == ""
    )


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


def test_bad_files_among_good_ones(bad_and_good, head, tmp_path, random_weights):
    """Each gets a row, with a reason, and the good ones are scored all the same."""
    renders = Path(shutil.copytree(bad_and_good, tmp_path / "renders", symlinks=True))
    for good in (
        "leaves_and_comes_back.mp4",
        "two_faces.mp4",
        "cut.mp4",
        "short_audio.mp4",
        "damaged.mkv",
        "a/same.mp4",
        "b/same.mp4",
    ):
        (renders / good).unlink()
    head.write(renders / "good.mp4", head.frames[:50], head.audio[: 50 * 640], head.landmarks[:50])
    head.write(
        renders / "<script>alert(1)<>.mp4".replace("/", ""),
        head.frames[:30],
        head.audio[: 30 * 640],
        head.landmarks[:30],
    )
    with (renders / "zeros.mp4").open("wb") as file:
        file.truncate(200_000_000)
    out = tmp_path / "out"
    weights = ("--syncnet-weights", random_weights, "--allow-unknown-weights")
    assert (
        run(
            renders,
            "--reference",
            renders,
            *weights,
            "--metrics",
            "lse,psnr",
            "--detector",
            "cascade",
            "-o",
            out,
            "--workers",
            1,
        )
        == 3
    )
    rows = {row["clip"]: row for row in table(out)}
    assert rows["good.mp4"]["status"] == "scored"
    reasons = {
        "empty.mp4": "empty file",
        "text.mp4": "not a video file",
        "truncated.mp4": "truncated file",
        "audio_only.mp4": "no video stream",
        "gone.mp4": "missing file",
        "zeros.mp4": "not a video file",
    }
    for name, reason in reasons.items():
        assert rows[name]["status"] == "failed" and reason in rows[name]["reason"], (
            name,
            rows[name]["reason"],
        )
    for name in (
        "one_frame.mp4",
        "short.mp4",
        "two words.mp4",
        "new\nline.mp4",
        "ünïcödé 日本語.mp4",
        "$(touch x).mp4",
        "-dash.mp4",
        "<script>alert(1)<>.mp4",
    ):
        assert rows[name]["reason"] in ("lse: too short", "lse: no face") and rows[name]["psnr"] == "100.0", (
            name,
            rows[name],
        )
    assert (
        rows["video_only.mp4"]["reason"] == "lse: no audio" and rows["silent.mp4"]["reason"] == "lse: silence"
    )
    assert rows["no_face.mp4"]["reason"] == "lse: no face"
    assert not any("unexpected" in row["reason"] for row in rows.values()), [
        row for row in rows.values() if "unexpected" in row["reason"]
    ]
    page = (out / "report.html").read_text()
    assert "<script>alert(1)" not in page
    assert "\n'-dash.mp4," in (out / "scores.csv").read_text(), (
        "a spreadsheet takes it for a formula otherwise"
    )


def test_a_reference_that_is_missing_or_broken(videos, tmp_path):
    references = tmp_path / "gt"
    references.mkdir()
    (references / "a.mp4").write_text("no video")
    assert (
        run(
            videos / "renders",
            "--reference",
            references,
            "--metrics",
            "psnr,cpbd",
            "-o",
            tmp_path / "out",
            "--workers",
            1,
        )
        == 3
    )
    assert [row["reason"] for row in table(tmp_path / "out")] == [
        "psnr: reference unreadable",
        "psnr: no reference",
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--metrics", "lse,foo"], "no metric 'foo'; there are: lse, lmd, psnr, ssim, lpips, cpbd"),
        (
            ["--protocol", "wav2lib"],
            "no protocol 'wav2lib'; there are: direct, wav2lip, latentsync, lrs, precropped",
        ),
        (["--region", "nose"], "no region 'nose'; there are: full, face, mouth"),
        (["--detector", "dlib"], "no detector 'dlib'; there are:"),
        (["--device", "tpu"], "no device 'tpu'"),
        (["--sync-model", "runs/7"], "no sync model 'runs/7'"),
        (["--allow-unknown-weights"], "goes with --syncnet-weights"),
        (["--reference", "/nowhere"], "/nowhere does not exist"),
        (["--fix-offset", "--protocol", "wav2lip"], "--fix-offset with --protocol direct"),
        (
            ["--fix-offset", "--metrics", "cpbd"],
            "a sync model measures, and there is none: --metrics leaves lse out",
        ),
        (["--metrics", ""], "no metric named"),
        (
            ["--ffmpeg", "7.0"],
            "protocol direct runs no ffmpeg; leave out --ffmpeg, or take one of wav2lip, latentsync, lrs",
        ),
        (
            ["--protocol", "wav2lip", "--ffmpeg", "/nowhere/ffmpeg"],
            "no ffmpeg '/nowhere/ffmpeg': no such program",
        ),
        (["--protocol", "wav2lip", "--ffmpeg", sys.executable], "is no ffmpeg: its -version says"),
    ],
)
def test_options_that_cannot_be_used(videos, tmp_path, capsys, arguments, says):
    assert run(videos / "renders", "-o", tmp_path / "out", *arguments) == 1
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out" / "scores.json").exists()


def test_an_output_folder_that_cannot_be_written(videos, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run(videos / "renders", "--metrics", "cpbd", "-o", tmp_path / "file" / "out") == 1
    assert "cannot write to" in capsys.readouterr().err


class Evil:
    def __reduce__(self):
        return os.mkdir, ("ran-the-pickle",)


def test_a_checkpoint_with_code_in_it_is_refused(videos, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = tmp_path / "evil.model"
    weights.write_bytes(pickle.dumps({"netcnnaud.0.weight": Evil()}))
    assert (
        run(
            videos / "renders",
            "--syncnet-weights",
            weights,
            "--allow-unknown-weights",
            "--detector",
            "sidecar",
            "-o",
            tmp_path / "out",
        )
        == 1
    )
    assert "evil.model" in capsys.readouterr().err and not (tmp_path / "ran-the-pickle").exists()


def test_other_weights_are_refused_with_both_hashes(videos, tmp_path, capsys, random_weights):
    assert (
        run(
            videos / "renders",
            "--syncnet-weights",
            random_weights,
            "--detector",
            "sidecar",
            "-o",
            tmp_path / "out",
        )
        == 1
    )
    said = capsys.readouterr().err
    assert (
        "961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442" in said
        and "is not the official" in said
    )


def test_a_clip_that_kills_its_worker_takes_no_other_along(videos, tmp_path, monkeypatch):
    """The second worker dies at one clip every time; after two tries it is a row with a reason, and the next run tries it again."""
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


def test_an_offset_is_corrected_in_a_copy(videos, head, tmp_path, sync_models, capsys):
    """With a sync model that works: measured, corrected, measured again."""
    head.write(tmp_path / "in" / "late.mp4", audio=head.early(-5))
    asked = ("--sync-model", "envelope", "--metrics", "lse", "--detector", "sidecar", "--workers", 1)
    assert run(tmp_path / "in", *asked, "-o", tmp_path / "out", "--fix-offset") == 0
    assert "audio 5 frames late, corrected in" in capsys.readouterr().out
    (row,) = table(tmp_path / "out")
    assert (
        row["offset_frames"] == "-5"
        and row["sync_model"] == "envelope"
        and row["lse_c"] == ""
        and float(row["sync_confidence"]) > 0.3
    )
    corrected = tmp_path / "out" / "corrected"
    (corrected / "late.landmarks.npz").write_bytes((tmp_path / "in" / "late.landmarks.npz").read_bytes())
    assert run(corrected, *asked, "-o", tmp_path / "again") == 0
    assert table(tmp_path / "again")[0]["offset_frames"] == "0"


def test_audit(videos, tmp_path, capsys):
    assert run(videos / "renders" / "a.mp4", "--audit", "-o", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "a.mp4" in said and all(name in said for name in ("wav2lip", "latentsync"))
    assert json.loads((tmp_path / "out" / "audit.json").read_text())


def test_protocols_and_their_sentences_are_one_table():
    assert protocols.PROTOCOLS.keys() == protocols.SENTENCES.keys()


def test_the_table_holds_no_character_that_moves_the_cursor(videos, tmp_path, capsys):
    here = tmp_path / "in"
    here.mkdir()
    (here / "\x1b[2J\n.mp4").write_bytes((videos / "renders" / "a.mp4").read_bytes())
    assert run(here, "--metrics", "cpbd", "-o", tmp_path / "out", "--workers", 1) == 0
    assert "\x1b" not in capsys.readouterr().out and table(tmp_path / "out")[0]["clip"] == "\x1b[2J\n.mp4"


def test_memory_does_not_grow_with_the_clip(head, tmp_path):
    """Reading, comparing and cutting hold a picture or two: 4 times as long a clip takes no more (its pictures would be 118 MB)."""
    import tracemalloc

    from speechlip.scoring.clip.score_clip import score_clip
    from speechlip.scoring.networks import Tools
    from speechlip.scoring.options import ScoreOptions
    from speechlip.scoring.records import ScoreTask

    order = np.arange(300) % 75
    clip = head.write(
        tmp_path / "long.mp4", head.frames[order], np.resize(head.audio, 300 * 640), head.landmarks[order]
    )
    options = ScoreOptions(("lmd", "psnr"), detector="sidecar")
    tracemalloc.start()
    score_clip(ScoreTask("long.mp4", clip, clip), options, Tools(), lambda *_: None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6


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


def test_two_runs_into_one_folder_are_refused(videos, tmp_path, capsys):
    from speechlip.files.locks import only_run

    with only_run(tmp_path / "out" / ".clips"):
        assert run(videos / "renders", "--metrics", "cpbd", "-o", tmp_path / "out", "--workers", 1) == 1
    assert "another run is writing to" in capsys.readouterr().err


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


def audits_badly(task, report, **options):
    from speechlip.scoring.audit.run import audit_task

    report(task.clip, 0.0)
    time.sleep(60 * (task.clip == "a.mp4"))
    return audit_task(task, report, **options)


def test_an_audit_refuses_pictures_over_the_limit_that_was_given(videos, capsys):
    assert run(videos / "renders", "--audit", "--max-picture", 100) == 3
    assert "a.mp4: probe: picture too large" in capsys.readouterr().err


def test_a_clip_that_hangs_stops_no_audit(videos, monkeypatch, capsys):
    monkeypatch.setattr(audit_run, "audit_task", audits_badly)
    assert run(videos / "renders", "--audit", "--max-wait", "4s", "--workers", 2) == 3
    said = capsys.readouterr()
    assert (
        "a.mp4: audit: over the limit (no step forward in 4 s (--max-wait))" in said.err
        and "b/c.mp4" in said.out
    )
