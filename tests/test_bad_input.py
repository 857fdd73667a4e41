"""Every kind of bad input beside good ones ends with its reason, and takes no result of another with it."""

import ctypes
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import zoo
from preparing import prep, prep_process
from speechlip.commands.cli import verify_shards

pytestmark = pytest.mark.early

PR_CAPBSET_DROP = 24


def rows_of(out):
    lines = (out / "ledger.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n")
    return {row["source"]: row for row in map(json.loads, lines)}


@pytest.fixture(scope="module")
def videos(bad_and_good, tmp_path_factory):
    return Path(shutil.copytree(bad_and_good, tmp_path_factory.mktemp("zoo") / "videos", symlinks=True))


@pytest.fixture(scope="module")
def ledger(videos):
    out = videos / "shards"  # inside the input folder, on purpose
    done = prep(videos, "-o", out, "--detector", "cascade", "--workers", 2)
    assert done.exit_code == 0, done.stderr
    check = CliRunner().invoke(verify_shards, [str(out)])
    assert check.exit_code == 0, check.output
    return rows_of(out)


@pytest.mark.parametrize(
    ("name", "stage", "reason"),
    [
        ("empty.mp4", "probe", "empty file"),
        ("truncated.mp4", "probe", "truncated file"),
        ("text.mp4", "probe", "not a video file"),
        ("audio_only.mp4", "probe", "no video stream"),
        ("video_only.mp4", "probe", "no audio stream"),
        ("silent.mp4", "clips", "silent audio"),
        ("short.mp4", "clips", "shorter than the shortest clip"),
        ("no_face.mp4", "clips", "no face"),
        ("gone.mp4", "probe", "missing file"),
    ],
)
def test_what_cannot_be_prepared_says_why(ledger, name, stage, reason):
    row = ledger[name]
    assert (row["status"], row["stage"], row["reason"]) == ("skipped", stage, reason)
    assert row["detail"]


def test_one_frame_is_refused_with_a_reason(ledger):
    assert ledger["one_frame.mp4"]["status"] == "skipped" and ledger["one_frame.mp4"]["reason"]


def test_no_row_is_an_accident_and_seconds_add_up(ledger):
    for row in ledger.values():
        assert row["reason"] != "unexpected error", row
        assert row["seconds"] == pytest.approx(row["seconds_kept"] + sum(row["dropped"].values()), abs=0.001)


def test_a_face_that_leaves_and_comes_back_gives_two_clips(ledger):
    row = ledger["leaves_and_comes_back.mp4"]
    assert row["clips"] == 2
    assert row["dropped"] == {"no face": pytest.approx(1.6, abs=0.5)}  # the cascade looks every few frames


def test_a_cut_ends_a_clip_and_loses_nothing(ledger):
    row = ledger["cut.mp4"]
    assert (row["clips"], row["seconds_kept"]) == (2, pytest.approx(2.8, abs=0.1))


def test_audio_that_ends_early_ends_the_clip(ledger):
    row = ledger["short_audio.mp4"]
    assert row["seconds_kept"] == pytest.approx(1.6, abs=0.08)
    assert row["dropped"] == {"no audio": pytest.approx(0.8, abs=0.08)}


def test_damage_in_the_middle_is_counted_and_the_rest_is_kept(ledger):
    row = ledger["damaged.mkv"]
    assert row["status"] == "kept" and row["damage"]


@pytest.mark.parametrize("name", zoo.ODD_NAMES)
def test_names_are_only_names(ledger, name):
    assert ledger[name]["status"] == "kept"


def test_the_same_stem_in_two_folders_is_two_sources_and_a_loop_ends(ledger):
    assert ledger["a/same.mp4"]["status"] == ledger["b/same.mp4"]["status"] == "kept"
    assert not [name for name in ledger if name.startswith("loop") or "shards" in name]


def test_two_faces_with_all_give_two_tracks(videos, tmp_path):
    out = tmp_path / "both"
    assert prep(videos / "two_faces.mp4", "-o", out, "--detector", "cascade", "--faces", "all").exit_code == 0
    row = rows_of(out)["two_faces.mp4"]
    assert row["clips"] == 2 and row["clip_seconds"] > 1.8 * row["seconds_kept"]


def test_one_face_of_two_with_largest(ledger):
    assert ledger["two_faces.mp4"]["clip_seconds"] == ledger["two_faces.mp4"]["seconds_kept"] > 2


def test_an_empty_folder_is_said_in_a_sentence(tmp_path):
    (tmp_path / "videos").mkdir()
    done = prep(tmp_path / "videos", "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "no video in" in done.stderr


def test_nothing_kept_is_exit_code_2_with_the_reasons(videos, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    for name in ("empty.mp4", "text.mp4"):
        shutil.copy(videos / name, bad)
    done = prep(bad, "-o", tmp_path / "out", "--detector", "cascade")
    assert done.exit_code == 2
    assert "nothing was kept of 2 videos" in done.stderr and "probe: empty file" in done.stderr
    assert set(rows_of(tmp_path / "out")) == {"empty.mp4", "text.mp4"}


def without_root_reading():
    """Drop what lets root read every file (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)."""
    if os.geteuid() == 0:
        for capability in (1, 2):
            if ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")


def test_an_unreadable_file_is_a_row(videos, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(videos / "good.mp4", folder)
    shutil.copy(videos / "good.mp4", folder / "locked.mp4")
    (folder / "locked.mp4").chmod(0)
    done = prep_process(
        folder, "-o", tmp_path / "out", "--detector", "cascade", preexec_fn=without_root_reading
    )
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "out")
    assert (rows["good.mp4"]["status"], rows["locked.mp4"]["reason"]) == ("kept", "unreadable file")


def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(videos, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True
    ).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        done = prep(videos / "good.mp4", "-o", disk / "out", "--detector", "cascade", "--lips-format", "png")
        assert done.exit_code == 1
        assert "no space left" in done.stderr.lower() and "Traceback" not in done.stderr
        assert not list(disk.rglob("*.tar")) and not list(disk.rglob("*.part"))
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        assert (
            prep(
                videos / "good.mp4", "-o", disk / "out", "--detector", "cascade", "--lips-format", "png"
            ).exit_code
            == 0
        )
    finally:
        subprocess.run(["umount", disk], check=True)
