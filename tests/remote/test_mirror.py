"""Runs of train-encoder in a store: a whole run folder, or one checkpoint of it."""

import hashlib
import json

import pytest

from speechlip.errors import HubError, NotThere
from speechlip.remote.mirror import run_at


@pytest.fixture
def stored_run(memory, monkeypatch, tmp_path):
    """A run with two checkpoints, as bytes that no network reads."""
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    for step in (20, 400):
        weights = f"weights of {step}".encode()
        facts = {"step": step, "sha256": hashlib.sha256(weights).hexdigest()}
        folder = f"/runs/mine/step-{step:08d}"
        memory.pipe_file(f"{folder}/checkpoint.json", json.dumps(facts).encode())
        memory.pipe_file(f"{folder}/model.safetensors", weights)
    memory.pipe_file("/runs/mine/history.csv", b"step")
    return memory


def contents(run):
    return {path.relative_to(run).as_posix(): path.read_text() for path in run.rglob("*.safetensors")}


def test_of_a_run_the_last_checkpoint_is_fetched(stored_run):
    assert contents(run_at("memory://runs/mine/")) == {"step-00000400/model.safetensors": "weights of 400"}


def test_a_checkpoint_is_taken_by_name(stored_run):
    one = run_at("memory://runs/mine/step-00000020")
    assert contents(one) == {"step-00000020/model.safetensors": "weights of 20"}


def test_other_weights_than_stated_are_refused(stored_run):
    stored_run.pipe_file("/runs/mine/step-00000400/model.safetensors", b"others")
    with pytest.raises(HubError, match=r"step-00000400/model\.safetensors has SHA-256"):
        run_at("memory://runs/mine")


def test_what_is_no_run_is_said(stored_run):
    with pytest.raises(NotThere, match=r"there is no memory://runs/checkpoint\.json; check the name"):
        run_at("memory://runs")
