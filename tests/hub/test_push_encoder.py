"""push-encoder: what of a run travels, and the encoder that comes back by name."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hub_answers import READER
from safetensors.torch import save
from speechlip.cli import push_encoder
from speechlip.encoders.catalogue import open_features
from speechlip.encoders.pair import build_pair
from speechlip.encoders.trained import load_run
from speechlip.errors import HubError, ModelError
from speechlip.files import sha256_of
from speechlip.scoring.sync import open_sync_model
from speechlip.training.config import make_options, unlike_paper

AUDIO = np.random.default_rng(0).integers(-9000, 9000, 640 * 7).astype(np.int16)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run as the loop leaves it, at seeded weights."""
    run = tmp_path_factory.mktemp("runs") / "mel"
    folder = run / "step-00000007"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    options = make_options("fast", {"encoder": "mel-cnn"})
    pair = build_pair("mel-cnn", options.lip_input, rectified=False)
    (folder / "model.safetensors").write_bytes(save({f"pair.{name}": tensor.contiguous() for name, tensor in pair.state_dict().items()}))
    torch.save({"secret": "state"}, folder / "trainer.pt")
    facts = {
        "format": 1,
        "speechlip": "0.1.0",
        "step": 7,
        "options": asdict(options),
        "unlike_paper": unlike_paper(options),
        "rectified": False,
    }
    data = {"licence": "CC-BY-4.0", "title": "ann/talks", "clips": 3, "speakers": 2, "seconds": 4.6}
    facts |= {
        "sha256": sha256_of(folder / "model.safetensors"),
        "shards": {"digest": "d", "manifest_sha256": "m"},
        "crop": "lips",
        "data": data,
    }
    (folder / "checkpoint.json").write_text(json.dumps(facts))
    return run


def push(run, *options):
    done = CliRunner().invoke(push_encoder, [str(run), "ann/mel", *options])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_it_comes_back_by_name_and_no_pickle_travels(hub, trained, tmp_path):
    code, output = push(trained)
    assert code == 0 and 'load_run("hf://ann/mel")' in output
    assert hub.repos["models", "ann/mel"].private
    assert hub.files("ann/mel", "models").keys() == {
        ".gitattributes",
        "model.safetensors",
        "checkpoint.json",
        "publication.json",
        "README.md",
    }
    assert hub.committed[-1] == ["README.md"]
    there, here = load_run("hf://ann/mel"), load_run(trained)
    np.testing.assert_array_equal(there.speech_features(AUDIO), here.speech_features(AUDIO))
    assert (there.sha256, there.step, there.crop) == (here.sha256, 7, "lips") and there.name == "ann--mel (mel-cnn)"
    hub.seen.clear()
    load_run("hf://ann/mel")
    assert not any("safetensors" in line for line in hub.seen)  # fetched once


def test_wherever_a_run_is_named_a_name_on_the_hub_is_taken(hub, trained):
    push(trained)
    assert open_sync_model("hf://ann/mel", "cpu").sha256 == load_run(trained).sha256
    assert open_features("hf://ann/mel").clock == open_features(str(trained)).clock


def test_pushed_again_nothing_travels_and_other_weights_are_refused(hub, trained):
    push(trained)
    assert "0 files to send" in push(trained)[1]
    hub.commit(hub.repos["models", "ann/mel"], "main", lambda files: files.update({"model.safetensors": b"others"}))
    code, output = push(trained)
    assert code == 1 and "holds other content (model.safetensors)" in output


def test_other_weights_than_the_facts_name_are_not_loaded(hub, trained):
    push(trained)
    hub.files("ann/mel", "models")["model.safetensors"] = b"others"
    with pytest.raises(HubError, match=r"model\.safetensors has SHA-256"):
        load_run("hf://ann/mel")


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"step": "x", "sha256": ""}'])
def test_a_model_that_is_none_of_ours(hub, trained, content):
    push(trained)
    hub.files("ann/mel", "models")["checkpoint.json"] = content
    with pytest.raises((HubError, ModelError), match="holds no encoder of train-encoder"):
        load_run("hf://ann/mel")


def test_what_stops_it(hub, trained, tmp_path, monkeypatch):
    code, output = push(tmp_path)
    assert code == 1 and "holds no checkpoint" in output
    monkeypatch.setenv("HF_TOKEN", READER)
    code, output = push(trained)
    assert code == 1 and "may not write there" in output and READER not in output


def test_public_only_with_a_licence(hub, trained, tmp_path):
    folder = tmp_path / "run" / "step-00000007"
    folder.mkdir(parents=True)
    for path in (trained / "step-00000007").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    facts = json.loads((folder / "checkpoint.json").read_text())
    facts["data"]["licence"] = "unknown"
    (folder / "checkpoint.json").write_text(json.dumps(facts))
    code, output = push(tmp_path / "run", "--public")
    assert code == 1 and "licence" in output and not hub.repos
    assert push(tmp_path / "run", "--public", "--i-have-the-right-to-publish")[0] == 0
    assert not hub.repos["models", "ann/mel"].private
