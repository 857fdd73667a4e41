"""What cannot be edited is refused before anything is written; a damaged shard while it is copied."""

import json
import shutil

import pytest
import tiny_dataset
from folders import run, write

import speechlip
from speechlip.errors import ShardError
from speechlip.shards.checks.verify import verify


@pytest.fixture
def own(shards, tmp_path):
    return shutil.copytree(shards, tmp_path / "own")


def change_manifest(folder, **changed):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def unfinished(folder):
    (folder / "manifest.json").unlink()
    (folder / ".work").mkdir()


def flipped(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (unfinished, "is not finished: .work is there, manifest.json is not"),
        (
            lambda folder: change_manifest(folder, format=2),
            "has shard format 2, this speechlip reads",
        ),
        (
            lambda folder: change_manifest(folder, speechlip="9"),
            "manifest.json was changed after it was written",
        ),
        (
            lambda folder: flipped(folder / "ledger.jsonl", 60),
            "ledger.jsonl was changed after it was written",
        ),
        (
            lambda folder: flipped(folder / "clips.parquet", 60),
            "clips.parquet was changed after it was written",
        ),
        (lambda folder: next((folder / "data").glob("*.tar")).unlink(), "is missing or cut"),
        (lambda folder: shutil.rmtree(folder), "there is no folder"),
    ],
    ids=[
        "half-finished",
        "newer format",
        "manifest",
        "ledger",
        "table of clips",
        "shard gone",
        "gone",
    ],
)
def test_a_folder_that_is_not_as_it_was_written(own, tmp_path, damage, message):
    damage(own)
    done = run("select", own, "-o", tmp_path / "out", "--where", "n_frames = 20", "--quiet")
    assert done.exit_code == 1 and message in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_clip_of_a_source_that_the_ledger_lacks_is_neither_dealt_nor_aligned(own, tmp_path):
    def change(samples):
        first = next(iter(samples.values()))
        first["json"] = json.dumps(json.loads(first["json"]) | {"source": "../x.mp4"}).encode()

    tiny_dataset.rewrite(own, min((own / "data").glob("*.tar")).name, change)
    done = run("split", own, "-o", tmp_path / "out", "--quiet")
    assert done.exit_code == 1 and "is of '../x.mp4', of which ledger.jsonl knows no clips" in done.stderr
    with pytest.raises(ShardError, match=r"is of '\.\./x\.mp4', of which ledger\.jsonl knows no clips"):
        speechlip.align_shards(own, tmp_path / "aligned", speechlip.AlignOptions(form="none"))


@pytest.mark.parametrize("operation", ["select", "merge"])
def test_a_flipped_bit_in_a_shard_is_not_copied(own, tmp_path, operation):
    shard = sorted((own / "data").glob("*.tar"))[1]
    flipped(shard, 30_000)
    other = write(tmp_path / "other", {"zoe": "train"}, seed=1)
    with pytest.raises(ShardError, match=rf"{shard.name} has SHA-256 .*, its manifest says"):
        if operation == "select":
            speechlip.select_clips(own, tmp_path / "out", "n_frames > 20")
        else:
            speechlip.merge_shards([own, other], tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_folder_of_an_older_release_is_edited_too(tmp_path):
    splits = {
        "train": {"anna": (20, 14, 13), "ben": (15, 12)},
        "validation": {"dora": (16, 25), "emil": (17,)},
    }
    folder = tiny_dataset.write_dataset(tmp_path / "in", splits, sealed=False)
    prepared = speechlip.select_clips(folder, tmp_path / "out", "n_frames >= 14")
    assert prepared.clips == 6 and prepared.manifest.clips and verify(tmp_path / "out").ok


@pytest.mark.parametrize(
    "arguments",
    [
        ("select", "hf://ann/talks", "--where", "n_frames = 20"),
        ("split", "hf://ann/talks"),
        ("merge", "hf://ann/talks", "https://nowhere.example/shards"),
        ("append", "hf://ann/talks", "videos"),
        ("annotate", "hf://ann/talks", "--csv", "moods.csv"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_folders_elsewhere_are_copied_first(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "moods.csv").write_text("speaker,mood\nann,calm\n", encoding="utf-8")
    done = run(*arguments, "-o", tmp_path / "out")
    assert done.exit_code == 1 and "hf://ann/talks is elsewhere; copy it here first" in done.stderr
