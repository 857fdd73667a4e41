"""What two processes do for test_ranks.py: ``torchrun --nproc-per-node 2 two_ranks.py SHARDS DAMAGED OUT``;
the end is an error of one of them.
"""

import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from linear_pair import OPTIONS, gradients
from linear_pase import pase_gradients
from tiny_runs import streams_of

from speechlip.commands.cli import train_encoder
from speechlip.device import choose_device
from speechlip.encoders.networks import pair
from speechlip.training.processes.ranks import Ranks, joined
from speechlip.training.train import train
from tiny_lips import TinyLips

SHARDS, DAMAGED, OUT = map(Path, sys.argv[1:])


def main() -> None:
    pair.LipEncoder = TinyLips
    ranks = Ranks.started()
    with joined(ranks, choose_device("cpu")):
        found = {loss: gradients(loss, ranks) for loss in ("nce", "logit", "half")}
        pase = pase_gradients(ranks)
        loader = streams_of([SHARDS], replace(OPTIONS, negatives="positive:1"), ranks)
        keys = ranks.collected([lips for batch in loader.loaders[ranks.rank] for lips, _ in batch["keys"]])
        mean = ranks.mean(ranks.rank + 1.0)
    if ranks.first:
        torch.save({"gradients": found, "pase": pase, "keys": keys, "mean": mean}, OUT / "found.pt")
    train(SHARDS, OUT / "resumed", replace(OPTIONS, steps=1))
    train(SHARDS, OUT / "resumed", replace(OPTIONS, steps=2), resume=True)
    with suppress(SystemExit):
        command(SHARDS, OUT / "straight")
    command(DAMAGED, OUT / "damaged")


def command(shards: Path, run: Path) -> None:
    """``train-encoder`` with the options of ``OPTIONS``."""
    chosen = {
        name: getattr(OPTIONS, name)
        for name in ("encoder", "loss", "steps", "batch_size", "lr", "device", "checkpoint_every")
    }
    train_encoder(
        [
            str(shards),
            "-o",
            str(run),
            *(f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()),
        ]
    )


main()
