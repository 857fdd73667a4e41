"""The command: columns, exit codes, going on where it stopped, and folders full of files that are no good."""

import json
import os
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from score_command import run, table

from speechlip.scoring import protocols
from speechlip.scoring.columns import row_columns

pytestmark = [pytest.mark.early, pytest.mark.usefixtures("alone")]

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
    assert a["reason"] == "lpips: no AlexNet weights" and a["sync_model"] == "phones" and not a["lse_c"]
    assert float(a["lmd"]) == 0 and 10 < float(a["psnr"]) < 30 and 0 < float(a["ssim"]) < 1 and a["cpbd"]
    assert (a["frames_compared"], a["pictures_compared"], c["frames_compared"], c["pictures_compared"]) == (
        "50",
        "50",
        "",
        "20",
    )
    assert c["reason"].startswith(
        "sync: too short; lmd: length mismatch; psnr: length mismatch; ssim: length mismatch; "
        "lpips: no AlexNet weights"
    )
    assert c["cpbd"] and not c["psnr"]
    said = capsys.readouterr()
    assert "speechlip models fetch syncnet_v2" in said.err and "6 of 12 scores missing" in said.err
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
        (["--metrics", "lse,fid"], "by weights of your own; give --fid-weights FILE"),
        (["--metrics", "lse,foo"], "no metric 'foo'; there are: default, lips"),
        (
            ["--protocol", "wav2lib"],
            "no protocol 'wav2lib'; there are: direct, wav2lip, latentsync, lrs, precropped",
        ),
        (["--precision", "fp16"], "no precision 'fp16'; there are: fp32, bf16"),
        (["--precision", "bf16", "--sync-model", "runs/7"], "--precision is SyncNet's; leave it out"),
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


def test_protocols_and_their_sentences_are_one_table():
    assert protocols.PROTOCOLS.keys() == protocols.SENTENCES.keys()


def test_the_table_holds_no_character_that_moves_the_cursor(videos, tmp_path, capsys):
    here = tmp_path / "in"
    here.mkdir()
    (here / "\x1b[2J\n.mp4").write_bytes((videos / "renders" / "a.mp4").read_bytes())
    assert run(here, "--metrics", "cpbd", "-o", tmp_path / "out", "--workers", 1) == 0
    assert "\x1b" not in capsys.readouterr().out and table(tmp_path / "out")[0]["clip"] == "\x1b[2J\n.mp4"


def test_memory_does_not_grow_with_the_clip(head, tmp_path):
    """Reading, comparing and cutting hold a frame or two: 4 times as long a clip takes no more (its frames
    would be 118 MB).
    """
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
