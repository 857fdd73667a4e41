"""Synthetic videos with transcripts that fit or do not, prepared with phones aligned, and without phones."""

import shutil

import pytest
from spoken import BASE, OTHER

from preparing import prep
from speechlip.recipes import synthetic


@pytest.fixture(scope="session")
def speech(talking, tmp_path_factory):
    """Synthetic videos with landmarks: one with its transcript, others with what is none of theirs."""
    folder = tmp_path_factory.mktemp("spoken")
    said = list(synthetic.sources(talking))
    texts = {"anna": said[0].transcript, "bob": OTHER, "chen": "今天天气很好，我们去公园。", "dora": " ... "}
    for source, (name, text) in zip(said, texts.items(), strict=True):
        shutil.copy(source.path, folder / f"{name}.mp4")
        shutil.copy(source.landmarks_path, folder / f"{name}.landmarks.npz")
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def aligned(speech, tmp_path_factory):
    """The folder, and what the command said."""
    out = tmp_path_factory.mktemp("aligned") / "shards"
    return out, prep(speech, "-o", out, "--phones", "align", *BASE)


@pytest.fixture(scope="session")
def plain(speech, tmp_path_factory):
    """The same videos prepared without phones."""
    out = tmp_path_factory.mktemp("plain") / "shards"
    assert prep(speech, "-o", out, *BASE).exit_code == 0
    return out
