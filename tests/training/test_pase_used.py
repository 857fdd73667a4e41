"""A run of PASE in the commands that use runs: exported like every encoder, scored with noise like others."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from test_pase_run import SMALL, in_turn, with_phones

from speechlip.commands.cli import export_features
from speechlip.encoders.trained import load_run
from speechlip.exporting import job
from speechlip.training.train import train

sys.path.append(str(Path(__file__).parents[1] / "benchmarking"))


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return with_phones(tmp_path_factory.mktemp("tiny") / "shards", in_turn)


@pytest.fixture(scope="module")
def run(shards, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "pase"
    train(shards, out, replace(SMALL, steps=1))
    return out


def test_its_features_have_the_layouts_of_every_encoder(run, tmp_path, monkeypatch):
    from here import in_this_process

    monkeypatch.setattr(job, "outcomes", in_this_process)
    audio = np.random.default_rng(0).normal(0, 3000, 30 * 640).astype(np.int16)
    soundfile.write(tmp_path / "may.wav", audio, 16000, subtype="PCM_16")
    done = CliRunner().invoke(
        export_features, [str(run), str(tmp_path / "may.wav"), "-o", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    folder = tmp_path / "out" / "may"
    shapes = {path.name: np.load(path).shape for path in folder.glob("*.npy")}
    assert shapes["aud_ave.npy"] == (30, 512) and shapes["aud_hu.npy"] == (30, 1, 1024)
    assert shapes["aud_ds.npy"] == shapes["aud.npy"] == (30, 16, 29)
    said = json.loads((folder / "aud_pase.json").read_text())
    raw = np.load(folder / "aud_pase.npy")[:, 0] * np.float32(said["std"]) + np.float32(said["mean"])
    np.testing.assert_allclose(raw, load_run(run).speech_embeddings(audio), atol=1e-4)
    assert said["encoder"]["past_ms"] is None and said["encoder"]["future_ms"] == 28.0


def test_it_is_scored_below_the_head_and_as_trained_with_noise(run, shards, tmp_path):
    from tiny_benchmark import FEW, benchmark, no_cost

    from speechlip.benchmarking import row, tasks
    from speechlip.benchmarking.projection import projection_head
    from tiny_lips import TinyLips

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projection_head, "LipEncoder", TinyLips)
        patch.setattr(row, "measured_cost", no_cost)
        patch.setattr(tasks, "CONTROLS", {})
        patch.setattr(tasks, "LIPS", "log-mel")
        options = replace(FEW, split="validation", noise="5")
        scored = benchmark(shards, tmp_path / "out", str(run), options=options)[0]
    headed, own = scored.rows[:2]
    assert (headed.status, own.status, own.mode) == ("scored", "scored", "as trained"), headed.reason
    assert headed.frame_dim == 512 and [level.snr_db for level in own.noise] == [5.0]
    assert own.noise[0].scores["pair_auc"].value != own.scores["pair_auc"].value
    assert own.unlike_paper["negatives_mask"] == "viseme, our choice"
