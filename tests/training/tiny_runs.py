"""Runs of training on a tiny folder: options that take no time, and what a run left."""

import csv
import json

import torch
from safetensors.torch import load_file

from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.training.objectives.registry import objective_of
from speechlip.training.options import TrainOptions
from speechlip.training.processes.ranks import ALONE
from speechlip.training.streams import SharedStreams, open_streams

OPTIONS = TrainOptions(
    encoder="mel-cnn",
    loss="nce",
    steps=4,
    batch_size=4,
    lr=1e-3,
    schedule="cosine",
    augment="colour,shift,flip,noise",
    validation_pairs=8,
    validate_every=1,
    checkpoint_every=2,
)


def streams_of(folders, options, ranks=ALONE, began=None) -> SharedStreams:
    """The batches of a process whose speech network reads the stored spectrogram."""
    pair = EncoderPair(torch.nn.Identity(), torch.nn.Identity(), rectified=False)
    return open_streams(folders, options, objective_of(options), pair, ranks, False, began)


def history(run):
    rows = list(csv.DictReader((run / "history.csv").read_text().splitlines()))
    return [{name: row[name] for name in ("step", "loss", "lr", "auc")} for row in rows]


def checkpoint(run):
    (folder,) = run.glob("step-*")
    return folder


def same_weights(*runs):
    ours, theirs = (load_file(checkpoint(run) / "model.safetensors") for run in runs)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def facts(run):
    return json.loads((checkpoint(run) / "checkpoint.json").read_text())


def edit_facts(run, change):
    path = checkpoint(run) / "checkpoint.json"
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))
