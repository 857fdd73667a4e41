"""Paths and URLs told apart, and what of a URL is written into texts."""

from pathlib import Path

import pytest

from speechlip.checks import check_out, check_path
from speechlip.encoders.features.catalogue import check_name, open_encoder
from speechlip.errors import HubError, OptionError, ShardError
from speechlip.remote.names import path_or_url
from speechlip.remote.stream import RemoteStream
from speechlip.scoring.renders import read_pairs
from speechlip.shards.read.decode import decode_field
from speechlip.shards.read.shardset import open_shards
from speechlip.shards.read.tar_members import said_of
from speechlip.urls import has_secrets, is_elsewhere, path_here, without_secrets

SECRET = "wJalrXUtnFEMI-K7MDENG"
SIGNED = f"https://example.org/train-00000-of-00001.tar?X-Amz-Signature={SECRET}"


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [
        ("s3://bucket/videos", True),
        ("S3://bucket/videos", True),
        ("simplecache::s3://bucket/videos", True),
        ("ftp://host/videos", True),
        ("file:///data/videos", False),
        (" s3://bucket/videos", True),
        ("C:/videos", False),
        ("videos", False),
        ("talks:2024/videos", False),
        ("./s3:/videos", False),
        (Path("/data/videos"), False),
    ],
)
def test_what_is_elsewhere(name, elsewhere):
    assert is_elsewhere(name) == elsewhere


def test_a_lost_slash_is_said_unless_there_is_such_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("s3:/bucket/videos", Path("s3://bucket/videos"), "file:/data"):
        with pytest.raises(OptionError, match="lost a slash, as pathlib does to URLs; hand over the text"):
            path_here(name, "-o")
    (tmp_path / "s3:" / "bucket").mkdir(parents=True)
    assert path_here("s3:/bucket", "-o") == Path("s3:/bucket")


def test_arguments_of_python_are_checked_in_the_same_place(tmp_path):
    assert check_path("videos", f"file://{tmp_path}") == tmp_path
    with pytest.raises(
        OptionError, match=r"^videos takes a path on this disk, and gs://b/x is elsewhere; copy"
    ):
        check_path("videos", "gs://b/x")
    with pytest.raises(
        OptionError, match=r"^out takes .* is elsewhere; write here, and copy it there when it"
    ):
        check_out("gs://b/x")
    with pytest.raises(OptionError, match=r"^out is 3, wanted a path$"):
        check_out(3)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (f"https://ann:{SECRET}@example.org/a.tar", "https://…@example.org/a.tar"),
        (f"s3://{SECRET}@bucket/a@b.tar", "s3://…@bucket/a@b.tar"),
        (SIGNED, "https://example.org/train-00000-of-00001.tar?…"),
        (f"hf://ann:{SECRET}@talks/x", "hf://…@talks/x"),
        (f"features:s3://ann:{SECRET}@bucket/x", "features:s3://…@bucket/x"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("abfs://talks@account.dfs.core.windows.net/x", "abfs://talks@account.dfs.core.windows.net/x"),
        (f"abfs://talks:{SECRET}@account/x", "abfs://…@account/x"),
        ("hf://ann/talks@v2", "hf://ann/talks@v2"),
        ("features:/data/a@b?c", "features:/data/a@b?c"),
    ],
)
def test_texts_have_no_user_password_or_query(url, text):
    assert without_secrets(url) == text and has_secrets(url) == (url != text)


def test_a_scheme_that_nothing_reads_is_refused_with_those_that_are_read():
    with pytest.raises(
        OptionError, match=r"^ftp://…@host/x is of a scheme .* s3://, gs://, hf://, https://$"
    ):
        path_or_url(f"ftp://ann:{SECRET}@host/x")


def test_errors_about_a_signed_shard_do_not_repeat_its_signature(monkeypatch):
    """Lists of shards may have signatures: a store that one has no credentials for gives no other URLs."""
    monkeypatch.setattr("huggingface_hub.constants.is_offline_mode", lambda: True)
    with pytest.raises(HubError) as offline:
        RemoteStream(SIGNED)
    with pytest.raises(ShardError) as damaged, said_of(SIGNED):
        raise EOFError
    with pytest.raises(OptionError) as scheme:
        open_shards([SIGNED.replace("https", "ftp")])
    with pytest.raises(ShardError) as field:
        decode_field({"__key__": "ann-1", "__url__": SIGNED}, "spectrogram", 20)
    for error in (offline, damaged, scheme, field):
        assert SECRET not in str(error.value) and "train-00000-of-00001.tar?…" in str(error.value)


def test_a_shard_that_is_signed_anew_is_the_same_shard():
    first, again = (open_shards([f"https://h/a.tar?X-Amz-Signature={number}"]) for number in range(2))
    assert first.digest == again.digest and first.urls != again.urls
    assert open_shards(["https://h/b.tar?1"]).digest != first.digest


@pytest.mark.parametrize("kind", ["features", "deepspeech", "whisper"])
def test_features_and_models_by_name_lie_here(kind):
    """A network of whisper's may be ``openai/whisper-tiny``, which is no URL."""
    for look in (open_encoder, check_name):
        with pytest.raises(OptionError, match=f"^{kind}: takes a path on .* s3://b/x is elsewhere"):
            look(f"{kind}:s3://b/x")


def test_tables_of_renders_name_paths(tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text(f"render,reference\na.mp4,s3://ann:{SECRET}@b/a.mp4\n")
    with pytest.raises(OptionError, match=r"pairs\.csv, row 2, reference takes a path .* s3://…@b/a\.mp4 is"):
        read_pairs(table, tmp_path, None)
    table.write_text(f"render,reference\na.mp4,file://{tmp_path}/b.mp4\n")
    (task,) = read_pairs(table, tmp_path, None).values()
    assert (task.render, task.reference) == (tmp_path / "a.mp4", tmp_path / "b.mp4")
