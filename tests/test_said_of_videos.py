"""metadata.csv, and files that give no clip, from the folder of videos to the shards and their readers."""

import json
import shutil
import tarfile

import numpy as np
import pytest
from click.testing import CliRunner

import zoo
from checker import check_shards
from preparing import prep
from speechlip.commands.cli import verify_shards

pytestmark = pytest.mark.early
TABLE = """file_name,license,mood,age
{0},CC-BY-4.0,"glad, very",041
{1},,,
"""


@pytest.fixture(scope="module")
def done(talking, tmp_path_factory):
    """Four synthetic heads, two of them with a row, and four files that give nothing.

    These are two silent videos of 2 s, an unfinished download, and a text called a video.
    """
    folder = tmp_path_factory.mktemp("said") / "videos"
    shutil.copytree(talking, folder)
    clips = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.mp4"))
    (folder / "metadata.csv").write_text(TABLE.format(*clips))
    zoo.write_clip(folder / "no_sound.mp4", np.zeros((50, 64, 64, 3), np.uint8), None)
    zoo.write_clip(
        folder / "silent.mp4", np.zeros((50, 64, 64, 3), np.uint8), np.full(32000, 20, np.int16)
    )  # below −60 dBFS
    shutil.copy(folder / clips[0], folder / "late.mp4.part")
    (folder / "words.wmv").write_text("no video\n")
    out = folder.parent / "shards"
    return out, prep(folder, "-o", out, "--detector", "sidecar", "--workers", 1), clips


def metas(out):
    for shard in sorted((out / "data").glob("*.tar")):
        with tarfile.open(shard) as tar:
            yield from (
                json.load(tar.extractfile(member))
                for member in tar
                if member.name.endswith(".json") and ".phones." not in member.name
            )


def test_own_columns_are_in_every_sample_and_licences_by_either_spelling(done):
    out, result, clips = done
    assert result.exit_code == 0, result.stderr
    found = {meta["source"]: (meta["mood"], meta["age"], meta["licence"]) for meta in metas(out)}
    assert found == dict.fromkeys(clips, ("", "", "unknown")) | {clips[0]: ("glad, very", "041", "CC-BY-4.0")}
    assert json.loads((out / "manifest.json").read_text())["columns"] == ["age", "mood"]


def test_independent_readers_take_them(done, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    from speechlip.hub import as_dataset

    out, _, _ = done
    code, said = check_shards(out)
    assert code == 0, said
    assert CliRunner().invoke(verify_shards, [str(out)]).exit_code == 0
    for rows in (load_dataset(str(out), split="train", streaming=True), as_dataset(out, "train")):
        assert {row["json"]["mood"] for row in rows} <= {"", "glad, very"}
        assert all(isinstance(row["json"]["age"], str) for row in rows)


def test_what_gives_nothing_is_named_counted_and_takes_no_split(done):
    out, result, _ = done
    rows = {row["source"]: row for row in map(json.loads, (out / "ledger.jsonl").read_text().splitlines())}
    assert {
        name: (row["reason"], row["seconds"], row["split"])
        for name, row in rows.items()
        if row["status"] == "skipped"
    } == {
        "late.mp4.part": ("unfinished download", 0, ""),
        "no_sound.mp4": ("no audio stream", 2.0, ""),
        "silent.mp4": ("silent audio", 2.0, ""),
        "words.wmv": ("not a video file", 0, ""),
    }
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["−", "no", "audio", "stream", "1", "0:02.0"] in lines and [
        "−",
        "unfinished",
        "download",
        "1",
    ] in lines
    assert "skipped, unfinished download: late.mp4.part" in result.stdout and "0:00.0" not in result.stdout
    assert result.stdout.count("no audio stream") == 2  # its line of the funnel, and its name
    assert set(json.loads((out / "manifest.json").read_text())["splits"]) == {"train", "validation", "test"}


def test_a_column_that_samples_have_of_their_own_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"")
    (tmp_path / "metadata.csv").write_text("file,track\na.mp4,3\n")
    refused = prep(tmp_path, "-o", tmp_path / "out")
    assert refused.exit_code == 1
    assert (
        "a column is called 'track', as a field that every sample has of its own; give it another name"
        in refused.stderr
    )


def test_another_word_in_a_column_makes_another_dataset(done, tmp_path):
    out, _, _ = done
    folder = shutil.copytree(out.parent / "videos", tmp_path / "videos")
    again = shutil.copytree(out, tmp_path / "shards")
    table = (folder / "metadata.csv").read_text()
    (folder / "metadata.csv").write_text(table.replace("glad", "sad"))
    refused = prep(folder, "-o", again, "--detector", "sidecar")
    assert (
        refused.exit_code == 1
        and "1 source new, gone or changed" in refused.stderr
        and "(more)" in refused.stderr
    )


def test_one_persons_video_is_cut_in_time(talking, tmp_path):
    """The longest video: 60 % train, the rest test; no clip crosses the cut, and no frame is lost at it."""
    clip = max(talking.rglob("*.mp4"), key=lambda path: path.stat().st_size)
    for ending in (".mp4", ".landmarks.npz"):
        shutil.copy(clip.with_name(clip.stem + ending), tmp_path / f"anna{ending}")
    out = tmp_path / "out"
    options = (
        "--detector",
        "sidecar",
        "--split-by",
        "time",
        "--split",
        "train=0.6,test=0.4",
        "--max-clip",
        "2s",
    )
    result = prep(tmp_path / "anna.mp4", "-o", out, *options)
    assert result.exit_code == 0 and "no clip came" not in result.stderr
    (row,) = [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]
    n_frames = len(zoo.read_clip(clip)[0])
    border = n_frames * 6 // 10
    spans = {split: [] for split in ("train", "test")}
    for shard in (out / "data").glob("*.tar"):
        with tarfile.open(shard) as tar:
            for meta in (
                json.load(tar.extractfile(member)) for member in tar if member.name.endswith(".json")
            ):
                first = round(meta["start_s"] * 25)
                spans[shard.name.split("-")[0]] += range(first, first + meta["n_frames"])
    assert sorted(spans["train"]) == list(range(border)) and sorted(spans["test"]) == list(
        range(border, n_frames)
    )
    assert (row["split"], row["seconds"], row["seconds_kept"]) == ("train+test", n_frames / 25, n_frames / 25)
    assert CliRunner().invoke(verify_shards, [str(out)]).exit_code == 0
    assert "cut in time, so each speaker is in every split, on purpose" in (out / "README.md").read_text()
    assert json.loads((out / "manifest.json").read_text())["pairs"]["test"]["rows"] > 0
    assert prep(tmp_path / "anna.mp4", "-o", out, *options).stdout == result.stdout  # found done
    shard = min((out / "data").glob("test-*.tar"))
    whole = shard.read_bytes()
    shard.unlink()
    assert (
        prep(tmp_path / "anna.mp4", "-o", out, *options).exit_code == 0 and shard.read_bytes() == whole
    )  # made again
    refused = prep(tmp_path / "anna.mp4", "-o", out, *options[:2])
    assert refused.exit_code == 1 and "split_by was 'time', is now 'speaker'" in refused.stderr


def test_a_split_without_a_clip_is_said(talking, tmp_path):
    clip = min(talking.rglob("*.mp4"))
    for ending in (".mp4", ".landmarks.npz"):
        shutil.copy(clip.with_suffix("").with_name(clip.stem + ending), tmp_path / f"anna{ending}")
    plan = prep(tmp_path / "anna.mp4", "-o", tmp_path / "out", "--dry-run")
    assert (
        "  nothing for validation, test: a speaker is in one split only: bring more speakers" in plan.stdout
    )
    result = prep(tmp_path / "anna.mp4", "-o", tmp_path / "out", "--detector", "sidecar", "--quiet")
    assert result.exit_code == 0
    assert (
        "no clip came into validation (0.05), test (0.05), which has a share: there is speech of 1 speaker"
        in result.stderr
    )
