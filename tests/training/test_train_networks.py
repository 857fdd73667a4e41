"""Training with what the paper leaves open: networks that read the waveform, other features, pools and gaps;
each resumes and is read back.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
import tiny_dataset
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from kept_progress import KeptProgress
from speechlip.commands.cli import train_encoder
from speechlip.encoders.networks.pair import build_pair
from speechlip.encoders.trained import load_run
from speechlip.errors import OptionError
from speechlip.shards.pairs.rules import PairRules
from speechlip.training import loop
from speechlip.training.objectives import windows
from speechlip.training.options import TrainOptions
from speechlip.training.paper import unlike_paper
from speechlip.training.resuming import resumed
from speechlip.training.run.checkpoint import saved_options
from speechlip.training.train import train

OPTIONS = TrainOptions(
    encoder="mel-cnn-wav2lip",
    steps=2,
    batch_size=4,
    negatives="shift:1",
    validation_pairs=8,
    validate_every=2,
)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    splits = {
        "train": {"anna": (30, 26), "ben": (28, 25)},
        "validation": {"dora": (30, 26), "emil": (28, 24)},
    }
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "shards", splits, shards=1)


def checkpoint(run):
    (folder,) = run.glob("step-*")
    return folder


def kill_in_step_2(step):
    if step == 2:
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def straight(shards, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "straight"
    train(shards, run, OPTIONS)
    return run


def test_a_network_of_the_waveform_goes_on_weight_for_weight(shards, straight, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(
            shards,
            tmp_path / "run",
            replace(OPTIONS, checkpoint_every=1),
            progress=KeptProgress(kill_in_step_2),
        )
    assert checkpoint(tmp_path / "run").name == "step-00000001"
    train(shards, tmp_path / "run", saved_options(tmp_path / "run"), resume=True)
    ours, theirs = (load_file(checkpoint(run) / "model.safetensors") for run in (tmp_path / "run", straight))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_run_of_the_waveform_is_looked_at_and_read_back(straight):
    auc = (straight / "history.csv").read_text().splitlines()[1].split(",")[3]
    assert 0 <= float(auc) <= 1
    trained, audio = load_run(straight), np.random.default_rng(0).normal(0, 999, 9 * 640).astype(np.int16)
    assert trained.pair.reads.form == "waveform" and trained.speech_embeddings(audio).shape == (9, 512)


def test_the_complex_stft_is_fitted_to_the_waveforms_of_the_train_split(shards):
    pair = build_pair("stft-gru-small", "mouth", False, feature="complex")
    loop.fit_spectrum(pair, [shards], seed=0)
    deviation = pair.speech.spectrum.deviation
    noise = (
        3000 / 32768 * np.sqrt((np.hanning(513)[:-1] ** 2).sum() / 2)
    )  # of either part of the STFT of the shards' white noise
    np.testing.assert_allclose(deviation[5:250], noise, rtol=0.1)
    np.testing.assert_allclose(pair.speech.spectrum.mean, 0, atol=0.3 * noise)


def test_what_was_chosen_is_saved_printed_and_built_again(shards, tmp_path):
    options = replace(OPTIONS, encoder="stft-gru-small", feature="power", pool="mean", min_neg_gap=3, steps=1)
    train(shards, tmp_path / "run", options)
    facts = json.loads((checkpoint(tmp_path / "run") / "checkpoint.json").read_text())
    assert {name: facts["options"][name] for name in ("feature", "pool", "min_neg_gap")} == {
        "feature": "power",
        "pool": "mean",
        "min_neg_gap": 3,
    }
    assert {name: facts["unlike_paper"][name] for name in ("feature", "pool", "min_neg_gap")} == {
        "feature": "power, not stated",
        "pool": "mean, not stated",
        "min_neg_gap": "3, not stated",
    }
    speech = load_run(tmp_path / "run").pair.speech
    assert speech.spectrum.feature == "power" and speech.pool == "mean"
    assert speech.spectrum.mean.min() >= 0, "power has no negative mean"


def test_the_least_gap_is_that_of_the_loader_and_of_the_loss(shards, tmp_path, monkeypatch):
    seen, real = [], windows.pair_loader
    monkeypatch.setattr(
        windows, "pair_loader", lambda *given, **named: seen.append(named["rules"]) or real(*given, **named)
    )
    monkeypatch.setattr(windows, "Criterion", lambda loss, rules: seen.append(rules) or torch.nn.Identity())
    with pytest.raises(Exception):  # noqa: B017 an Identity is no loss
        train(shards, tmp_path / "run", replace(OPTIONS, min_neg_gap=2))
    assert len(seen) == 2 and {rules.min_offset for rules in seen} == {7}


def test_the_least_gap_by_default_is_that_of_the_rules():
    assert PairRules(gap_frames=TrainOptions().min_neg_gap).min_offset == PairRules().min_offset


def test_a_preset_fills_in_what_the_network_has():
    paper = TrainOptions.preset("paper")
    assert (paper.feature, paper.pool) == ("logmag", "last")
    assert resumed(paper, {"feature": "logmag", "pool": "last"}) == paper
    with pytest.raises(OptionError, match="this run has pool 'last', not 'mean'"):
        resumed(paper, {"pool": "mean"})
    wav2lip = TrainOptions.preset("fast", encoder="mel-cnn-wav2lip")
    assert (wav2lip.feature, wav2lip.pool) == ("", "") and not {"feature", "pool"} & set(
        unlike_paper(wav2lip)
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"encoder": "hubrt"}, "no encoder 'hubrt'; there are: se4lip"),
        ({"feature": "db"}, "no feature 'db'; there are: logmag, mag, power, complex"),
        ({"pool": "max"}, "no pool 'max'; there are: last, mean"),
        ({"encoder": "stft-cnn", "pool": "mean"}, "encoder 'stft-cnn' has no choice of pool"),
        ({"encoder": "mel-cnn", "feature": "complex"}, "encoder 'mel-cnn' cannot have feature 'complex'"),
        ({"min_neg_gap": -1}, "min_neg_gap is -1 frames; it must be at least 0"),
    ],
)
def test_what_cannot_be_chosen_is_refused_before_anything_is_made(given, words):
    with pytest.raises(OptionError, match=words):
        TrainOptions.preset("paper", **given)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (
            "--encoder mel-cnn-wav2lip --feature mag",
            "encoder 'mel-cnn-wav2lip' has no choice of feature; leave it out",
        ),
        ("--feature db", "no feature 'db'; there are: logmag, mag, power, complex"),
        ("--min-neg-gap -3", "min_neg_gap is -3 frames; it must be at least 0"),
    ],
)
def test_the_command_says_so_in_one_line_with_exit_code_1_and_makes_no_folder(
    shards, tmp_path, chosen, words
):
    done = CliRunner().invoke(train_encoder, [str(shards), *chosen.split(), "-o", str(tmp_path / "run")])
    assert done.exit_code == 1 and words in done.output and done.output.count("\n") == 1
    assert not (tmp_path / "run").exists()
