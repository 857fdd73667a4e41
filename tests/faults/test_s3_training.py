"""Training from shards on an S3 server of this machine, by processes that read: the weights of a folder.

Processes are forked and spawned: a forked one has its parent's file system of the store, whose
thread it does not have.
"""

import multiprocessing
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_dataset
from s3_proxy import KEY, SECRET, FaultyProxy

from speechlip.errors import HubError
from speechlip.remote import patience

sys.path.append(str(Path(__file__).parents[1] / "training"))
from tiny_runs import OPTIONS, same_weights

from speechlip.training.train import train

pytestmark = pytest.mark.faults
TWO_READERS = replace(OPTIONS, workers=2)


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("speechlip.training.train.illustrate", lambda *given: None)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "shards")


@pytest.fixture(scope="module")
def local(shards, tmp_path_factory):
    """The run of a folder here, without processes that read."""
    run = tmp_path_factory.mktemp("run") / "local"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("speechlip.training.train.illustrate", lambda *given: None)
        train(shards, run, TWO_READERS)
    return run


@pytest.fixture
def url(bucket, shards):
    fs, name = bucket
    fs.put(f"{shards}/", f"{name}/shards/", recursive=True)
    return f"s3://{name}/shards"


@pytest.fixture
def started_by(request):
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method(request.param, force=True)
    yield request.param
    multiprocessing.set_start_method(before, force=True)


@pytest.mark.parametrize("started_by", ["fork", "spawn"], indirect=True)
def test_two_reading_processes_give_the_weights_of_the_folder(url, local, started_by, tmp_path):
    train(url, tmp_path / "run", TWO_READERS)
    assert same_weights(local, tmp_path / "run")
    assert without_secret(tmp_path / "run", tmp_path / "home")


def test_a_bad_server_changes_no_weight(url, local, moto, monkeypatch, tmp_path):
    proxy = FaultyProxy(moto, seed=5, **{"503": 0.2, "cut": 0.2})
    read_from(proxy, monkeypatch)
    train(url, tmp_path / "run", TWO_READERS)
    assert same_weights(local, tmp_path / "run") and min(proxy.met.values()) > 0, proxy.met


def test_a_server_that_goes_away_ends_in_one_sentence(url, moto, monkeypatch, tmp_path):
    """A process that reads says it, not its traceback, which would have what the store says."""
    proxy = FaultyProxy(moto)
    read_from(proxy, monkeypatch)

    def go_away(row):
        proxy.is_dead = True

    with pytest.raises(HubError, match="failed 6 times") as said:
        train(url, tmp_path / "run", replace(TWO_READERS, steps=400), on_row=go_away)
    text = str(said.value)
    assert "\n" not in text and text.endswith("run the same command again")
    assert SECRET not in text and KEY not in text


def read_from(proxy, monkeypatch):
    """Ask this proxy from now on, once each time, without pauses."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    monkeypatch.setattr(patience, "_pause", lambda pause_s: None)


def without_secret(*folders):
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return not any(secret.encode() in path.read_bytes() for path in files for secret in (SECRET, KEY))
