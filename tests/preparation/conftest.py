"""A prepared folder and an unfinished one, of copies of the synthetic corpus that a test may change."""

import shutil
from pathlib import Path

import pytest
from hindered import run, stopping_after


@pytest.fixture(scope="session")
def undisturbed(made_once, talking):
    return made_once("undisturbed", lambda folder: run(talking, folder))


@pytest.fixture
def videos(talking, tmp_path):
    return Path(shutil.copytree(talking, tmp_path / "videos"))


@pytest.fixture
def out(undisturbed, tmp_path):
    return Path(shutil.copytree(undisturbed, tmp_path / "out"))


@pytest.fixture
def unfinished(videos, tmp_path):
    """Two of four shards are made, then somebody pulls the plug."""
    with pytest.raises(KeyboardInterrupt):
        run(videos, tmp_path / "begun", stopping_after(2, KeyboardInterrupt()))
    return tmp_path / "begun"
