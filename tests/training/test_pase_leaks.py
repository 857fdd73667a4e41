"""What PASE cannot know without listening and looking: noise in place of audio and lips, shuffled phones."""

import math

import pytest
import torch
from phone_batches import LENGTH, SPOKEN, excerpts, segments
from torch import nn

from speechlip.encoders.networks.pase.alignment import CrossAttention
from speechlip.metrics.phones.classes import VISEME_NUMBERS
from speechlip.training.objectives.registry import objective_of
from speechlip.training.options import TrainOptions
from speechlip.training.step.segment_losses import segment_nce

VISEMES = torch.tensor(VISEME_NUMBERS)


def learner_of(**given):
    torch.manual_seed(0)
    objective = objective_of(TrainOptions.preset("small", encoder="pase", **given))
    return objective.learner(*objective.networks())


def share_below(audio, lips, phone):
    """How often the lips of a segment of another viseme are less like its audio than its own; chance: 0.5."""
    audio, lips = (nn.functional.normalize(rows.flatten(0, 1), dim=1) for rows in (audio, lips))
    cosines, viseme = audio @ lips.T, VISEMES[phone.flatten()]
    other = viseme[:, None] != viseme
    return ((cosines < cosines.diag()[:, None]) & other).sum().item() / other.sum().item()


class WithResidual(CrossAttention):
    def forward(self, queries, keys, values, seen):
        return queries + super().forward(queries, keys, values, seen)


class OverContents(CrossAttention):
    """Keys are what is heard or seen, as one would write cross-attention without a second thought."""

    def forward(self, queries, keys, values, seen):
        return super().forward(queries, keys + values, values, seen)


def retrieval_in_noise(kind, steps=110):
    """Trained to find segments in audio and lips that are noise, another for every batch; then asked to."""
    learner = learner_of(prediction_weight=0.0, audio_weight=0.0, mouth_weight=0.0)
    attention, random = learner.pair.attention, torch.Generator().manual_seed(1)
    attention.__class__ = kind
    optimizer = torch.optim.Adam([*attention.parameters(), *learner.heads.parameters()], 1e-3)
    shares = []
    for step in range(steps + 20):
        batch = segments(random)
        noise = [torch.randn(len(batch["keys"]), LENGTH, 512, generator=random) for _ in range(2)]
        audio, lips = learner.read(batch, *noise, torch.tensor(batch["n_frames"]))
        phone = batch["phone"].flatten()
        loss = segment_nce(
            audio.flatten(0, 1), lips.flatten(0, 1), torch.ones(len(phone), dtype=torch.bool), VISEMES[phone]
        )
        if step < steps:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        else:
            shares.append(share_below(audio.detach(), lips.detach(), phone))
    return sum(shares) / len(shares)


def test_in_noise_no_segment_is_found():
    assert retrieval_in_noise(CrossAttention) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("kind", [WithResidual, OverContents])
def test_it_would_be_found_with_a_way_around_the_noise(kind):
    assert retrieval_in_noise(kind) > 0.6


def anchor_loss(telling, steps=20):
    """The anchor term on excerpts that were not learned from, per side."""
    learner = learner_of(contrast_weight=0.0, prediction_weight=0.0, audio_weight=0.0, mouth_weight=0.0)
    random = torch.Generator().manual_seed(2)
    parameters = [each for each in learner.parameters() if each.requires_grad]
    optimizer = torch.optim.Adam(parameters, 3e-3)
    losses = []
    for step in range(steps + 5):
        loss = learner(excerpts(random, 4, telling))["anchors"]
        if step < steps:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        else:
            losses.append(loss.item() / 2)
    return sum(losses) / len(losses)


def test_anchors_are_learned_from_true_phones_and_never_from_shuffled_ones():
    chance = math.log(len(SPOKEN))
    true, shuffled = anchor_loss(telling=True), anchor_loss(telling=False)
    assert true < 0.8 * chance and shuffled > chance - 0.05, (true, shuffled)
