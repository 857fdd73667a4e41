"""Runs that the tests of training share: one without a stop, one that was killed."""

import shutil
from pathlib import Path

import pytest
import tiny_dataset
from tiny_runs import OPTIONS

from speechlip.training.train import train


@pytest.fixture(scope="module")
def without_picture():
    """Pictures and cards take time, and have tests of their own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("speechlip.training.train.illustrate", lambda *given: None)
        yield


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "shards")


@pytest.fixture(scope="module")
def straight(shards, tmp_path_factory):
    """Four steps without a stop."""
    run = tmp_path_factory.mktemp("runs") / "straight"
    train(shards, run, OPTIONS)
    return run


@pytest.fixture(scope="module")
def stopped(shards, tmp_path_factory):
    """Killed in step 3, after its row was written and before anything was saved."""
    run = tmp_path_factory.mktemp("runs") / "stopped"

    def kill(row):
        if row.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(shards, run, OPTIONS, on_row=kill)
    return run


@pytest.fixture
def own(stopped, tmp_path):
    return Path(shutil.copytree(stopped, tmp_path / "run"))
