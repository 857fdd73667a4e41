"""A local Hub, and this process's client turned to it."""

import shutil
from pathlib import Path

import pytest
from hub_answers import TOKEN
from huggingface_hub.utils import logging as hub_log
from local_hub import serving
from tiny_dataset import edit_manifest, write_dataset

hub_log.get_logger()  # writes to the stderr of this moment for good, so not to that of one test
CARD = """---
configs:
- config_name: default
  data_files:
  - {split: train, path: data/train-*.tar}
  - {split: validation, path: data/validation-*.tar}
---
# Talks
"""
SPLITS = {"train": {"anna": (30, 40), "ben": (45,)}, "validation": {"dora": (40,), "emil": (38, 33)}}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A sound prepared folder with a card and a licence: tests read it and never change it."""
    folder = write_dataset(tmp_path_factory.mktemp("prepared") / "shards", SPLITS)
    edit_manifest(folder, lambda manifest: manifest.update(about={"licence": "CC-BY-4.0", "title": "Talks"}))
    (folder / "README.md").write_text(CARD)
    return folder


@pytest.fixture
def folder(prepared, tmp_path):
    """A copy that a test may change."""
    return Path(shutil.copytree(prepared, tmp_path / "shards"))


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A LocalHub that ``huggingface_hub`` in this process speaks to, with the writer's token in HF_TOKEN;
    pauses take no time.
    """
    from huggingface_hub import constants

    with serving() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
        monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
        hub.pauses = []
        monkeypatch.setattr("time.sleep", hub.pauses.append)
        yield hub
