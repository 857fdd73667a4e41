"""A synthetic corpus prepared, pushed to a server with the Hub's API, and read back the same three ways."""

import base64
import json
import os
import subprocess
import sys

import pytest
import webdataset
from click.testing import CliRunner
from hub_answers import TOKEN
from tiny_dataset import read_tar

from speechlip.commands.cli import prep_shards, push_shards
from speechlip.shards.read.shard import read_shard
from speechlip.shards.read.shardset import open_shards

READ_WITH_DATASETS = """
import base64, json
from datasets import load_dataset
from speechlip.hub import as_dataset

def told(row):
    n_frames = row["json"]["n_frames"]
    assert row["lips.jpg"].size == (96, 96 * n_frames) and len(row["stft.npy"]) == 5 * n_frames
    known = {name: value for name, value in row["json"].items() if value is not None}
    return [base64.b64encode(row["audio.flac"]).decode(), known]

splits = load_dataset("ann/talks", streaming=True)
ways = {split: {row["__key__"]: told(row) for row in rows} for split, rows in splits.items()}
typed = {split: {row["__key__"]: told(row) for row in as_dataset("hf://ann/talks", split)} for split in ways}
print(json.dumps([ways, typed]))
"""


@pytest.fixture(scope="module")
def talks(talking, tmp_path_factory):
    """The synthetic corpus, prepared by its recipe, which states a licence."""
    out = tmp_path_factory.mktemp("talks") / "shards"
    done = CliRunner().invoke(
        prep_shards, [str(talking), "-o", str(out), "--recipe", "synthetic", "--workers", "1"]
    )
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture
def written(talks):
    """split → key → member → bytes, by tarfile alone."""
    splits = json.loads((talks / "manifest.json").read_text())["splits"]
    return {
        split: {
            key: members
            for path in sorted((talks / "data").glob(f"{split}-*"))
            for key, members in read_tar(path).items()
        }
        for split in splits
    }


def test_datasets_webdataset_and_our_reader_give_what_was_prepared(hub, talks, written, tmp_path):
    done = CliRunner().invoke(push_shards, [str(talks), "ann/talks", "--public", "--quiet"])
    assert done.exit_code == 0, done.output
    content = {
        split: {key: told(members) for key, members in clips.items()} for split, clips in written.items()
    }
    assert by_datasets(hub, tmp_path) == [content, content]
    for split, clips in written.items():
        names = sorted(path.name for path in (talks / "data").glob(f"{split}-*"))
        urls = [f"{hub.url}/datasets/ann/talks/resolve/main/data/{name}" for name in names]
        assert members_of(webdataset.WebDataset(urls, shardshuffle=False, empty_check=False)) == clips
        assert (
            members_of(raw for url in open_shards("hf://ann/talks", split).urls for raw in read_shard(url))
            == clips
        )


def by_datasets(hub, tmp_path):
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "hf"),
        "HF_TOKEN": TOKEN,
    }
    done = subprocess.run(
        [sys.executable, "-c", READ_WITH_DATASETS],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def told(members):
    return [base64.b64encode(members["audio.flac"]).decode(), json.loads(members["json"])]


def members_of(samples):
    return {
        row["__key__"]: {name: data for name, data in row.items() if not name.startswith("__")}
        for row in samples
    }
