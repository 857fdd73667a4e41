"""push-encoder: what of a run travels, and the encoder that comes back by name."""

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner
from hub_answers import READER
from safetensors.torch import save
from tiny_dataset import edit_manifest

from speechlip.commands.cli import push_encoder
from speechlip.encoders.features.catalogue import open_encoder
from speechlip.encoders.networks.pair import build_pair
from speechlip.encoders.trained import load_run
from speechlip.errors import HubError, ModelError
from speechlip.files.stamps import sha256_of
from speechlip.scoring.sync.models import open_sync_model
from speechlip.shards.read.shardset import open_shards
from speechlip.training.options import TrainOptions
from speechlip.training.paper import unlike_paper
from speechlip.training.run.checkpoint import training_data

pytestmark = pytest.mark.usefixtures("tiny_lips")

AUDIO = np.random.default_rng(0).integers(-9000, 9000, 640 * 7).astype(np.int16)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run as the loop leaves it, at seeded weights."""
    run = tmp_path_factory.mktemp("runs") / "mel"
    folder = run / "step-00000007"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    options = TrainOptions.preset("fast", encoder="mel-cnn")
    pair = build_pair("mel-cnn", options.lip_input, rectified=False)
    (folder / "model.safetensors").write_bytes(
        save({f"pair.{name}": tensor.contiguous() for name, tensor in pair.state_dict().items()})
    )
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


@pytest.fixture
def run(trained, tmp_path):
    """A copy that a test may change, without a card."""
    return Path(shutil.copytree(trained, tmp_path / "mel", ignore=shutil.ignore_patterns("README.md")))


def change(run, **facts):
    path = run / "step-00000007" / "checkpoint.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


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
    assert (there.sha256, there.step, there.crop) == (
        here.sha256,
        7,
        "lips",
    ) and there.name == "ann--mel (mel-cnn)"
    hub.seen.clear()
    load_run("hf://ann/mel")
    assert not any("safetensors" in line for line in hub.seen)  # fetched once


def test_wherever_a_run_is_named_a_name_on_the_hub_is_taken(hub, trained):
    push(trained)
    assert open_sync_model("hf://ann/mel", "cpu").sha256 == load_run(trained).sha256
    assert open_encoder("hf://ann/mel").clock == open_encoder(str(trained)).clock


def test_pushed_again_nothing_travels_and_other_weights_are_refused(hub, trained):
    push(trained)
    assert "0 files to send" in push(trained)[1]
    hub.commit(
        hub.repos["models", "ann/mel"], "main", lambda files: files.update({"model.safetensors": b"others"})
    )
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


DATA = {"title": "ann/talks", "clips": 3, "speakers": 2, "seconds": 4.6}


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"licence": "unknown"}, "is unknown"),  # as older releases wrote it
        ({"licences": ["CC-BY-4.0", "unknown"]}, "is unknown"),
        ({"licences": ["CC-BY-4.0", "CC-BY-NC-ND-4.0"]}, "CC-BY-NC-ND-4.0 forbids"),
    ],
)
def test_public_only_with_a_licence(hub, run, stated, said):
    change(run, data=DATA | stated)
    code, output = push(run, "--public")
    assert code == 1 and said in output and not hub.repos and not (run / "README.md").exists()
    assert push(run, "--public", "--i-have-the-right-to-publish")[0] == 0
    assert not hub.repos["models", "ann/mel"].private


@pytest.mark.parametrize(
    ("recipe", "videos", "card"),
    [
        ("unknown", ["CC-BY-4.0", "MIT"], ["cc-by-4.0", "mit"]),
        ("CC-BY-4.0", ["CC-BY-4.0", "unknown"], "unknown"),
        ("MIT", [], "mit"),
    ],
)
def test_the_licences_are_those_of_the_videos_it_learned_from(hub, run, folder, recipe, videos, card):
    edit_manifest(
        folder,
        lambda manifest: manifest.update(about={"licence": recipe}, licences={name: {} for name in videos}),
    )
    change(run, data=training_data(open_shards(folder, "train")).declared)
    assert push(run, "--public")[0] == (1 if card == "unknown" else 0)
    assert push(run, *([] if card == "unknown" else ["--public"]))[0] == 0
    there = hub.files("ann/mel", "models")
    assert json.loads(there["publication.json"])["licences"] == (videos or [recipe])
    assert yaml.safe_load(there["README.md"].decode().split("---\n")[1])["license"] == card


def test_the_card_is_made_anew_and_keeps_what_a_person_wrote(hub, run):
    push(run)
    card = run / "README.md"
    card.write_text(card.read_text().replace("<!-- yours: end -->", "Ask Ada.\n<!-- yours: end -->"))
    change(run, step=7, unlike_paper={"steps": "many more"})
    hub.repos.clear()
    before = card.read_bytes()
    assert push(run, "--dry-run")[0] == 0 and card.read_bytes() == before
    assert push(run)[0] == 0
    there = hub.files("ann/mel", "models")["README.md"].decode()
    assert "many more" in there and "Ask Ada." in there and card.read_text() == there


def test_an_encoder_that_comes_back_otherwise_stays_private(hub, run, monkeypatch):
    weights = hashlib.sha256((run / "step-00000007" / "model.safetensors").read_bytes()).hexdigest()
    commit = hub.commit

    def commit_and_spoil(repo, branch, change):
        hub.lfs.update({weights: hub.lfs[weights][:-1]} if weights in hub.lfs else {})
        return commit(repo, branch, change)

    monkeypatch.setattr(hub, "commit", commit_and_spoil)
    code, output = push(run, "--public", "--quiet")
    assert (
        code == 1
        and "ann/mel does not give back what was sent: model.safetensors has " in output
        and "bytes there" in output
    )
    assert hub.repos["models", "ann/mel"].private


def test_an_encoder_becomes_public_alone_or_not_at_all(hub, run):
    repo = hub.new_repo("models", "ann/mel", private=True)
    hub.commit(repo, "old", lambda files: files.update({"trainer.pt": b"a pickle"}))
    code, output = push(run, "--public", "--quiet")
    assert code == 1 and "holds more than was checked" in output and "trainer.pt (branch old)" in output
    assert repo.private and not hub.committed
    del repo.branches["old"]
    assert push(run, "--public")[0] == 0 and not repo.private
