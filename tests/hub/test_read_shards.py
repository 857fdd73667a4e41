"""Prepared shards read from the Hub and over plain HTTP: the same clips, batches and pairs as from the
folder, over cuts, with nothing taken on trust.
"""

import functools
import hashlib
import http.server
import json
import pickle
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hub_answers import READER, STRANGER, TOKEN
from tiny_dataset import read_tar

import speechlip
from speechlip.commands.cli import inspect_shards, score_encoder, train_encoder, verify_shards
from speechlip.commands.cli import speechlip as speechlip_commands
from speechlip.errors import HubError, OptionError, ShardError
from speechlip.hub import as_dataset, shards_at
from speechlip.hub.push_shards import push_shards
from speechlip.remote import mirror
from speechlip.remote.stream import RemoteStream, fetch
from speechlip.shards.checks.verify import verify
from speechlip.shards.pairs.lookup import evaluation_batches
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shardset import open_shards, read_manifest

pytestmark = pytest.mark.usefixtures("tiny_lips")

NAME = "hf://ann/talks"


@pytest.fixture
def pushed(hub, prepared):
    """The prepared folder on the local Hub, privately; faults come after."""
    push_shards(prepared, "ann/talks", token=TOKEN)
    hub.seen.clear()
    return hub


def clips_of(shards, **options):
    return {
        clip.key: clip
        for clip in ClipReader(shards, "train", shuffle_clips=0, rank=0, world_size=1, **options)
    }


def same_clips(one, other):
    assert one.keys() == other.keys() and len(one) == 3
    for key in one:
        np.testing.assert_array_equal(one[key].lips, other[key].lips)
        np.testing.assert_array_equal(one[key].spectrogram, other[key].spectrogram)


def tars(folder, split):
    return {
        key: members
        for path in sorted((folder / "data").glob(f"{split}-*"))
        for key, members in read_tar(path).items()
    }


# our reader


def test_as_dataset_is_typed_and_the_same_for_a_folder(prepared):
    rows = as_dataset(prepared, "validation")
    assert (
        rows.features["json"]["n_frames"].dtype == "int64"
        and rows.features["lips.jpg"].dtype == "PIL.Image.Image"
    )
    assert {row["__key__"]: row["audio.flac"] for row in rows} == {
        key: each["audio.flac"] for key, each in tars(prepared, "validation").items()
    }


def test_clips_and_position_are_those_of_the_folder(pushed, prepared):
    same_clips(clips_of(NAME), clips_of(prepared))
    assert open_shards(NAME, "train").digest == open_shards(prepared, "train").digest
    assert read_manifest(NAME) == read_manifest(prepared)
    pickle.loads(pickle.dumps(ClipReader(NAME, "train")))


def test_only_what_is_read_is_fetched(pushed, tmp_path):
    clips_of(NAME)
    asked = {line.rpartition("/")[2] for line in pushed.seen if "/resolve/" in line}
    assert not any(name.startswith("validation-") for name in asked)
    assert not list((tmp_path / "home").rglob("*.tar"))


def test_the_table_of_clips_is_asked_without_a_shard(hub, prepared, tmp_path):
    own = shutil.copytree(prepared, tmp_path / "own")
    speechlip.make_clips(own)
    push_shards(own, "ann/talks", token=TOKEN)
    hub.seen.clear()
    table = speechlip.clips(NAME, "n_frames > 0", split="train")
    assert table.rows == speechlip.clips(own, split="train").rows and len(table) == 3
    assert not any(line.endswith(".tar") for line in hub.seen)
    assert not list((tmp_path / "home").rglob("*.tar"))
    done = CliRunner().invoke(speechlip_commands, ["clips", NAME, "--make"])
    assert done.exit_code == 1 and "is elsewhere; copy it here first" in done.stderr


def test_an_older_release_without_that_table_is_read_shard_by_shard(pushed, prepared, tmp_path):
    assert speechlip.clips(NAME).rows == speechlip.clips(prepared).rows
    assert not list((tmp_path / "home").rglob("*.tar"))


def test_it_stays_at_one_commit_while_others_push(pushed, prepared):
    reader = ClipReader(NAME, "train", shuffle_clips=0, rank=0, world_size=1)
    repo = pushed.repos["datasets", "ann/talks"]
    pushed.commit(
        repo, "main", lambda files: files.update({path: b"other" for path in files if path.endswith(".tar")})
    )
    same_clips({clip.key: clip for clip in reader}, clips_of(prepared))


@pytest.mark.parametrize(("status", "times"), [(0, 4), (500, 3), (429, 2)])
def test_a_cut_goes_on_where_it_was(pushed, prepared, status, times):
    reader = ClipReader(NAME, "train", shuffle_clips=0, rank=0, world_size=1)
    pushed.fail("GET /storage", status, times=times, after=70_000)
    same_clips({clip.key: clip for clip in reader}, clips_of(prepared))
    assert len(pushed.pauses) == times


def test_a_network_that_stays_away_is_said(pushed):
    reader = ClipReader(NAME, "train", shuffle_clips=0, rank=0, world_size=1)
    pushed.fail("GET /storage", 0, times=99, after=0)
    with pytest.raises(
        HubError,
        match=(
            r"^the network went away while hf://\S+train-00000-of-00002\.tar was read .* run the same "
            r"command again$"
        ),
    ):
        list(reader)


def test_the_frozen_pairs_are_those_of_the_folder(pushed, prepared):
    here, there = (list(evaluation_batches(shards, "validation", 16)) for shards in (prepared, NAME))
    assert len(here) == len(there) > 0
    for one, other in zip(here, there, strict=True):
        assert one["keys"] == other["keys"] and len(one["keys"]) == len(one["kind"])
        assert (one["label"].tolist(), one["kind"].tolist()) == (
            other["label"].tolist(),
            other["kind"].tolist(),
        )
        np.testing.assert_array_equal(one["lips"], other["lips"])
        np.testing.assert_array_equal(one["spectrogram"], other["spectrogram"])


# who may read


def test_what_is_private_or_not_there(pushed, monkeypatch):
    for token in (STRANGER, "hf_wrong"):
        monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(HubError, match="or it is private") as caught:
            open_shards(NAME, "train")
        assert token not in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", READER)
    assert open_shards(NAME, "train").n_clips == 3
    with pytest.raises(HubError, match=r"there is no hf://datasets/ann/nothing@main/manifest\.json"):
        open_shards("hf://ann/nothing", "train")
    with pytest.raises(HubError, match="there is no"):
        open_shards(f"{NAME}@v9", "train")
    with pytest.raises(OptionError, match="no split 'test'"):
        open_shards(NAME, "test")


def test_a_gated_one_says_to_ask(pushed):
    pushed.fail("/resolve/", 403, times=9)
    with pytest.raises(HubError, match="ask for access on its page"):
        open_shards(NAME, "train")


def test_a_client_that_may_not_ask_is_said(pushed, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for url in (
        "hf://datasets/ann/talks/manifest.json",
        f"{pushed.url}/datasets/ann/talks/resolve/main/manifest.json",
    ):
        with pytest.raises(HubError, match=f"HF_HUB_OFFLINE is set, so {url} cannot be read; unset it"):
            RemoteStream(url)
        with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
            fetch(url, tmp_path / "copy")
    done = CliRunner().invoke(verify_shards, [NAME, "--quiet"])
    assert (
        done.exit_code == 1
        and done.output.startswith("error: HF_HUB_OFFLINE is set")
        and done.output.count("\n") == 1
    )
    assert not pushed.seen


def test_a_path_that_lost_its_slash_is_said():
    with pytest.raises(OptionError, match="lost a slash"):
        shards_at(Path(NAME))


# copies


def test_a_cache_holds_whole_shards_and_serves_without_a_network(pushed, prepared, tmp_path):
    folder = shards_at(NAME, tmp_path / "cache")
    assert folder.name == "ann--talks"
    for path in (prepared / "data").iterdir():
        assert (folder / "data" / path.name).read_bytes() == path.read_bytes()
    pushed.seen.clear()
    same_clips(clips_of(folder), clips_of(prepared))
    assert verify(folder).ok and not pushed.seen


def test_a_copy_goes_on_after_a_kill(pushed, prepared, tmp_path):
    name = "data/train-00000-of-00002.tar"
    data, copy = (prepared / name).read_bytes(), tmp_path / "copy.tar"
    (tmp_path / "copy.tar.part").write_bytes(data[:200_000])
    fetch(f"hf://datasets/ann/talks/{name}", copy, hashlib.sha256(data).hexdigest())
    assert copy.read_bytes() == data
    assert pushed.storage_headers[-1]["range"] == "bytes=200000-"
    (tmp_path / "copy.tar.part").write_bytes(data)
    copy.unlink()
    assert (
        fetch(f"hf://datasets/ann/talks/{name}", copy, hashlib.sha256(data).hexdigest()).read_bytes() == data
    )


def test_another_file_than_the_manifest_names_is_refused(pushed, tmp_path):
    files = pushed.files("ann/talks")
    files["data/train-00001-of-00002.tar"] = files["data/train-00000-of-00002.tar"]
    with pytest.raises(
        ShardError, match=r"train-00001-of-00002\.tar has more than \d+ bytes, the manifest says no more"
    ):
        shards_at(NAME, tmp_path / "cache")
    files["data/train-00001-of-00002.tar"] = bytes(len(files["data/train-00001-of-00002.tar"]) // 2)
    with pytest.raises(HubError, match=r"train-00001-of-00002\.tar has SHA-256"):
        shards_at(NAME, tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("train-00001-of-00002.tar*"))


def test_a_manifest_or_a_ledger_without_an_end_is_not_read_to_it(pushed, tmp_path, monkeypatch):
    files = pushed.files("ann/talks")
    ledger = files["ledger.jsonl"]
    files["ledger.jsonl"] += b"\n"
    with pytest.raises(
        ShardError, match=rf"ledger\.jsonl has more than {len(ledger)} bytes, the manifest says no more"
    ):
        shards_at(NAME, tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*ledger.jsonl*.part"))
    monkeypatch.setattr(mirror, "MAX_SMALL_BYTES", 1 << 20)
    files["manifest.json"] += bytes(1 << 20)
    with pytest.raises(HubError, match=r"manifest\.json is longer than 1 MiB, which no such file is"):
        shards_at(NAME, tmp_path / "cache")


@pytest.mark.parametrize("name", ["../../evil.tar", "/etc/evil.tar", "a/b.tar", "..", ""])
def test_a_manifest_that_would_write_elsewhere_is_refused(pushed, tmp_path, name):
    files = pushed.files("ann/talks")
    manifest = json.loads(files["manifest.json"])
    manifest["shards"][0]["name"] = name
    files["manifest.json"] = json.dumps(manifest).encode()
    with pytest.raises(ShardError, match="no plain name"):
        shards_at(NAME, tmp_path / "cache")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"format": 1}'])
def test_what_is_no_manifest(pushed, content):
    pushed.files("ann/talks")["manifest.json"] = content
    with pytest.raises(ShardError, match="no manifest of prepared shards"):
        read_manifest(NAME)


# plain HTTP


@pytest.fixture
def plain_http(prepared, monkeypatch, tmp_path):
    """The folder behind a server that knows no Range."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    class Handler(http.server.SimpleHTTPRequestHandler):
        cuts = 0

        def log_message(self, *args):
            pass

        def copyfile(self, source, outputfile):
            if Handler.cuts and self.path.endswith(".tar"):
                Handler.cuts -= 1
                outputfile.write(source.read(90_000))
                self.close_connection = True
            else:
                super().copyfile(source, outputfile)

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=prepared)
    ) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", Handler
        server.shutdown()


def test_a_folder_behind_http_is_read_and_a_server_without_range_is_no_hindrance(plain_http, prepared):
    url, handler = plain_http
    reader = ClipReader(url, "train", shuffle_clips=0, rank=0, world_size=1)
    handler.cuts = 3
    same_clips({clip.key: clip for clip in reader}, clips_of(prepared))
    assert handler.cuts == 0
    assert verify(url).ok


def test_reads_of_any_size_join_to_the_file(plain_http, prepared):
    data = (prepared / "data" / "train-00000-of-00002.tar").read_bytes()
    url, handler = plain_http
    handler.cuts = 2
    with RemoteStream(f"{url}data/train-00000-of-00002.tar", start=1000) as stream:
        parts = []
        while block := stream.read(7001):
            parts.append(block)
    assert b"".join(parts) == data[1000:]


# commands


def test_verify_shards_takes_names(pushed, tmp_path):
    done = CliRunner().invoke(verify_shards, [NAME, "--quiet"])
    assert done.exit_code == 0 and "4 shards, 6 clips" in done.output
    assert not list(tmp_path.rglob("*.tar"))
    files = pushed.files("ann/talks")
    files["data/train-00001-of-00002.tar"] = files["data/train-00000-of-00002.tar"]
    done = CliRunner().invoke(verify_shards, [NAME, "--quiet"])
    assert (
        done.exit_code == 1
        and "data/train-00001-of-00002.tar has " in done.output
        and "the manifest says" in done.output
    )
    done = CliRunner().invoke(verify_shards, ["hf://ann/nothing"])
    assert done.exit_code == 1 and done.output.startswith("error: there is no hf://")


def test_inspect_shards_shows_what_lies_on_the_hub(pushed, tmp_path):
    done = CliRunner().invoke(inspect_shards, [NAME, "-n", "2", "-o", str(tmp_path / "gallery")])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "gallery" / "index.html").read_text(encoding="utf-8")
    readers = (
        ClipReader(NAME, split, fields=(), rank=0, world_size=1) for split in read_manifest(NAME).splits
    )
    assert sum(clip.key in page for reader in readers for clip in reader) >= 2


def test_train_encoder_learns_the_same_from_the_hub(pushed, prepared, tmp_path):
    histories = []
    for shards, out in ((prepared, "here"), (NAME, "there")):
        options = [
            "--encoder",
            "mel-cnn",
            "--steps",
            "1",
            "--batch-size",
            "4",
            "--validation-pairs",
            "8",
            "--no-tensorboard",
        ]
        done = CliRunner().invoke(
            train_encoder, [str(shards), "-o", str(tmp_path / out), "--device", "cpu", *options]
        )
        assert done.exit_code == 0, done.output
        assert ("fetching" in done.stderr) == (out == "there"), "the validation pairs need random access"
        histories.append(json.loads(next((tmp_path / out).glob("step-*/checkpoint.json")).read_text()))
    assert (
        histories[0]["sha256"] == histories[1]["sha256"] and histories[0]["shards"] == histories[1]["shards"]
    )


@pytest.mark.parametrize("cached", [False, True])
def test_score_encoder_reads_a_mirror(pushed, prepared, tmp_path, monkeypatch, cached):
    handed = []

    def shards_at(name, cache):
        handed.append(mirror.shards_at(name, cache))
        raise ShardError("that is enough")

    monkeypatch.setattr("speechlip.benchmarking.benchmark.shards_at", shards_at)
    options = ["-o", str(tmp_path / "out"), *(["--cache", str(tmp_path / "cache")] if cached else [])]
    done = CliRunner().invoke(score_encoder, [NAME, "--encoder", "log-mel", *options])
    assert done.exit_code == 1 and "that is enough" in done.output
    assert (handed[0] / "manifest.json").read_bytes() == (prepared / "manifest.json").read_bytes()
    assert bool(list(handed[0].rglob("*.tar"))) == cached
