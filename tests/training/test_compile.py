"""``--compile`` with a real compiler: the losses of both objectives are those without it."""

import shutil
from dataclasses import replace

import pytest
import tiny_dataset

from speechlip.training.options import TrainOptions
from speechlip.training.run.history import read
from speechlip.training.train import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="no g++, which torch.compile wants on a CPU"),
]
STEPS = {"steps": 2, "batch_size": 4, "device": "cpu", "validation_pairs": 4, "validate_every": 1}
WINDOWS = TrainOptions(encoder="mel-cnn-wav2lip", negatives="shift:1", **STEPS)
EXCERPTS = TrainOptions.preset("small", encoder="pase", clip_frames=10, **STEPS | {"batch_size": 2})


@pytest.mark.parametrize("options", [WINDOWS, EXCERPTS], ids=["pairs", "pase"])
def test_compiled_networks_learn_the_same(options, tmp_path):
    shards = tiny_dataset.write_dataset(tmp_path / "shards", phones=True)
    losses = []
    for compile in (False, True):
        run = tmp_path / f"compile-{compile}"
        train(shards, run, replace(options, compile=compile))
        losses.append([row.loss for row in read(run)])
    (first, second), (first_compiled, second_compiled) = losses
    assert first_compiled == pytest.approx(first, rel=1e-3)
    assert second_compiled == pytest.approx(second, rel=0.05), (
        "batch norm over few rows, and Adam's first step"
    )
