"""What cannot be edited is refused before anything is written; a damaged shard while it is copied."""

import hashlib
import json
import shutil

import pytest
import tiny_dataset
from folders import digests, run, write

import speechlip
from speechlip.cards.kept import BEGIN
from speechlip.errors import HubError, ShardError
from speechlip.remote.mirror import whole_at
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


@pytest.fixture
def elsewhere(own, memory, tmp_path, monkeypatch):
    """The folder with words of its owner's in its card, and the URL of a copy."""
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    card = own / "README.md"
    card.write_text(card.read_text().replace(BEGIN, f"{BEGIN}\nAsk Ann first.\n", 1))
    memory.put(f"{own}/", "/talks/", recursive=True)
    return own, "memory://talks"


def test_a_folder_elsewhere_is_edited_as_the_same_one_here(elsewhere, tmp_path):
    own, url = elsewhere
    for name, given in (("here", own), ("there", url)):
        done = run("select", given, "-o", tmp_path / name, "--where", "n_frames > 20")
        assert done.exit_code == 0, done.stderr
    assert digests(tmp_path / "there") == digests(tmp_path / "here")
    assert "Ask Ann first." in (tmp_path / "there" / "README.md").read_text()


def test_a_result_goes_where_a_url_says_and_into_nobody_elses(elsewhere, memory, tmp_path):
    _, url = elsewhere
    asked = ("--where", "n_frames > 20", "--work", tmp_path / "work")
    for _ in range(2):
        done = run("select", url, "-o", "memory://clear/", *asked)
        assert done.exit_code == 0, done.stderr
        assert f"uploaded to memory://clear/; {tmp_path / 'work' / 'shards'} may be deleted" in done.stdout
    made = digests(tmp_path / "work" / "shards")
    there = {path.removeprefix("/clear/"): sha256(memory.cat(path)) for path in memory.find("/clear")}
    assert there == {name: digest for name, digest in made.items() if not name.startswith(".")}
    for out, words in (
        ("memory://talks", "holds a finished folder, which was not made in"),
        ("hf://ann/clear", "give a folder here, then `push-shards FOLDER ann/clear`"),
        ("https://example.org/clear", "cannot be listed"),
    ):
        done = run("select", url, "-o", out, "--where", "n_frames > 20", "--work", tmp_path / "other")
        assert done.exit_code == 1 and words in done.stderr
    assert not (tmp_path / "other").exists()


def test_what_was_fetched_is_not_fetched_again_and_a_damaged_shard_is_refused(elsewhere, memory):
    own, url = elsewhere
    mirror = whole_at(url)
    whole = digests(mirror)
    assert stated(own).items() <= whole.items()
    shard = min((own / "data").glob("*.tar")).name
    memory.pipe_file(f"/talks/data/{shard}", b"other")
    assert whole_at(url) == mirror and digests(mirror) == whole
    (mirror / "data" / shard).unlink()
    with pytest.raises(HubError, match=rf"memory://talks/data/{shard} has SHA-256"):
        whole_at(url)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def stated(folder):
    """What the manifest speaks of, itself, and the card."""
    return {
        name: digest
        for name, digest in digests(folder).items()
        if not name.startswith(("card/", "croissant"))
    }
