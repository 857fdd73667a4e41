"""Stores by fsspec, held against its file system in memory: patience, credentials, uploads."""

import hashlib
import logging
import sys

import pytest

from preparing import prep
from speechlip.errors import HubError, OptionError, ShardError
from speechlip.manifest import Manifest
from speechlip.manifest.records import ShardRow, SplitTotals
from speechlip.remote import patience
from speechlip.remote.patience import patiently
from speechlip.remote.stores import Store, modified_ns, store_at
from speechlip.remote.upload import refuse_finished_by_others, upload

SECRET = "wJalrXUtnFEMI-K7MDENG"


@pytest.fixture
def pauses(monkeypatch):
    waited = []
    monkeypatch.setattr(patience, "_pause", waited.append)
    return waited


@pytest.fixture
def folder(tmp_path):
    """What an upload looks at of a preparation: two shards, a table, a manifest, a work folder."""
    rows = []
    for number, content in enumerate((b"one" * 1000, b"two" * 900)):
        path = tmp_path / "shards" / "data" / f"train-0000{number}-of-00002.tar"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        row = {"name": path.name, "split": "train", "sha256": sha256, "bytes": len(content)}
        rows.append(ShardRow(**row, clips=1, frames=25))
    (tmp_path / "shards" / "ledger.jsonl").write_text("{}\n")
    (tmp_path / "shards" / ".work").mkdir()
    (tmp_path / "shards" / ".work" / "plan.json").write_text("{}")
    totals = {"train": SplitTotals(clips=2, frames=50, speakers=1)}
    manifest = Manifest(format=1, shards=tuple(rows), fields=(), splits=totals, pairs={})
    (tmp_path / "shards" / "manifest.json").write_text(manifest.dump())
    return tmp_path / "shards"


@pytest.fixture
def puts(monkeypatch):
    """Names as they are put; the ``fail_at``-th put fails for good."""

    class Puts(list):
        fail_at = None

    done, put = Puts(), Store.put

    def counting(store, path, name):
        if len(done) == done.fail_at:
            raise HubError("the network went away")
        put(store, path, name)
        done.append(name)

    monkeypatch.setattr(Store, "put", counting)
    return done


def names(memory):
    return [path.removeprefix("/talks/shards/") for path in memory.find("/talks/shards")]


def test_what_fails_for_a_moment_is_asked_again_after_growing_pauses(pauses):
    answers = iter([TimeoutError(), OSError(16, "SlowDown"), ConnectionResetError(), "there"])

    def ask():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently("s3://talks", ask) == "there" and pauses == [1, 2, 4]


@pytest.mark.parametrize(
    ("error", "asked", "words"),
    [
        (FileNotFoundError, 1, "there is no s3://talks; check the name"),
        (PermissionError, 1, "may not be read or written with these credentials"),
        (IsADirectoryError, 1, "cannot be used (IsADirectoryError)"),
        (type("NoCredentialsError", (Exception,), {}), 1, "AWS_ACCESS_KEY_ID"),
        (ConnectionResetError, 6, "failed 6 times (ConnectionResetError); what is done is kept"),
    ],
)
def test_errors_are_said_in_words_of_our_own(pauses, error, asked, words):
    calls = []

    def ask():
        calls.append(1)
        raise error(f"https://bucket/?X-Amz-Signature={SECRET}")

    with pytest.raises(HubError) as said:
        patiently("s3://talks", ask)
    assert words in str(said.value) and SECRET not in str(said.value) and len(calls) == asked
    assert said.value.__suppress_context__  # nor in a traceback


@pytest.mark.parametrize(
    "url", [f"s3://ann:{SECRET}@bucket/videos", f"s3://bucket/videos?X-Amz-Signature={SECRET}"]
)
def test_a_url_with_a_secret_is_refused_and_not_repeated(url, tmp_path):
    for ends in ((url, "-o", tmp_path / "out"), (tmp_path, "-o", url)):
        said = prep(*ends, "--work", tmp_path / "work")
        assert said.exit_code == 1 and SECRET not in said.output and "ann" not in said.output
        assert "give it without" in said.stderr and not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.org/videos", "cannot be listed; give s3://BUCKET/FOLDER"),
        ("simplecache::s3://bucket/videos", "cannot be listed"),
        ("s3://", "names no bucket"),
        ("nosuch://bucket/videos", "no URL that fsspec knows"),
        ("s3:/bucket/videos", "lost a slash"),
    ],
)
def test_urls_that_name_no_store_are_refused(url, words, tmp_path):
    said = prep(url, "-o", tmp_path / "out", "--work", tmp_path / "work")
    assert said.exit_code == 1 and words in said.stderr and said.stderr.count("\n") == 1


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(OptionError, match=r"s3:// needs a library .* pip install -e '\.\[s3\]'"):
        store_at("s3://talks/videos").files()


def test_what_a_library_logs_is_not_on_the_terminal(capfd, memory, monkeypatch):
    """gcsfs logs tracebacks; without any handler Python writes them to stderr."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own
    assert store_at("memory://talks/videos").files() == []
    logging.getLogger("gcsfs").error("GET https://storage/?X-Goog-Signature=%s", SECRET)
    logging.getLogger("another").error("heard")
    said = capfd.readouterr().err
    assert "heard" in said and SECRET not in said


def test_times_are_read_in_every_form_and_contents_stand_in_for_them():
    assert (
        modified_ns({"mtime": 1.5}) == modified_ns({"updated": "1970-01-01T00:00:01.500Z"}) == 1_500_000_000
    )
    assert modified_ns({"ETag": "a"}) == modified_ns({"ETag": "a"}) != modified_ns({"ETag": "b"})
    assert modified_ns({}) < 10**13


def test_the_manifest_is_put_last_and_hidden_files_never(memory, folder, puts):
    upload(folder, store_at("memory://talks/shards"))
    assert puts[-1] == "manifest.json" and len(puts) == 4
    assert names(memory) == sorted(puts)
    assert memory.cat("/talks/shards/data/train-00000-of-00002.tar") == b"one" * 1000


def test_a_stopped_upload_is_no_finished_folder_and_is_gone_on_with(memory, folder, puts):
    store, puts.fail_at = store_at("memory://talks/shards"), 2
    with pytest.raises(HubError):
        upload(folder, store)
    assert "manifest.json" not in names(memory)
    before = [*puts]
    puts.fail_at = None
    puts.clear()
    memory.pipe_file("/talks/shards/data/train-00001-of-00002.tar", b"owt" * 900)  # as long, and another
    upload(folder, store)
    assert puts == ["data/train-00001-of-00002.tar", "ledger.jsonl", "manifest.json"] and len(before) == 2
    assert memory.cat("/talks/shards/data/train-00001-of-00002.tar") == b"two" * 900
    puts.clear()
    upload(folder, store)
    assert puts == []


def test_a_shard_that_was_altered_here_is_not_put(memory, folder):
    (folder / "data" / "train-00000-of-00002.tar").write_bytes(b"eno" * 1000)
    with pytest.raises(ShardError, match=r"train-00000-of-00002\.tar is not what manifest\.json says"):
        upload(folder, store_at("memory://talks/shards"))
    assert names(memory) == []


def test_other_files_there_are_refused_and_halves_are_not(memory, folder):
    store = store_at("memory://talks/shards")
    memory.pipe_file("/talks/shards/ledger.jsonl.part", b"{")
    upload(folder, store)
    memory.pipe_file("/talks/shards/data/train-00002-of-00003.tar", b"old")
    with pytest.raises(OptionError, match=r"holds 1 other file \(data/train-00002-of-00003\.tar\)"):
        upload(folder, store)


def test_a_finished_folder_of_another_run_is_refused(memory, folder, tmp_path):
    store = store_at("memory://talks/shards")
    refuse_finished_by_others(store, folder)
    upload(folder, store)
    refuse_finished_by_others(store, folder)
    with pytest.raises(OptionError, match="holds a finished folder, which was not made in"):
        refuse_finished_by_others(store, tmp_path / "elsewhere")


def test_a_put_that_arrives_short_is_an_error(memory, folder, monkeypatch):
    monkeypatch.setattr(Store, "size", lambda store, name: 5)
    with pytest.raises(HubError, match="has 5 bytes where 3000 were put"):
        store_at("memory://talks/shards").put(folder / "data" / "train-00000-of-00002.tar", "a.tar")
