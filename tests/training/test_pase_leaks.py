"""What PASE cannot know without listening and looking: noise in place of audio and lips, other phones."""

import math

import pytest
import torch
from phone_batches import LENGTH, SPOKEN, excerpts, segments

from speechlip.encoders.networks.pase.alignment import SegmentAttention
from speechlip.metrics.phones.classes import VISEME_NUMBERS
from speechlip.training.objectives.registry import objective_of
from speechlip.training.options import TrainOptions
from speechlip.training.step.segment_losses import cosines_as_read, segment_nce

VISEMES = torch.tensor(VISEME_NUMBERS)
ALIGNED = ("contrast", "anchors")


def learner_of(term):
    """PASE in its small size with one term of its loss."""
    off = {f"{name}_weight": 0.0 for name in (*ALIGNED, "prediction", "audio", "mouth") if name != term}
    torch.manual_seed(0)
    objective = objective_of(TrainOptions.preset("small", encoder="pase", **off))
    return objective.learner(*objective.networks())


# noise


class WithResidual(SegmentAttention):
    """What is read holds the phone itself."""

    def forward(self, anchors, values):
        return anchors[:, None] + super().forward(anchors, values)


class OverContents(SegmentAttention):
    """A phone looks for frames that are like it."""

    def forward(self, anchors, values):
        weights = (self.query(anchors)[:, None, None] * self.key(values)).sum(3, keepdim=True)
        return ((weights / math.sqrt(512)).softmax(2) * values).sum(2)


def as_every_phone(rows, phone):
    return rows


def as_its_own_phone(rows, phone):
    """Each segment read as its own phone reads, whatever it is compared with: as attention commonly is."""
    return rows[phone, torch.arange(len(phone))].expand_as(rows)


def retrieval_in_noise(kind, way, steps=25):
    """How often the lips of a segment of another viseme are less like its audio than its own; chance: 0.5.

    Trained to find segments in audio and lips that are noise, another for every batch.
    """
    learner = learner_of("contrast")
    attention, random = learner.pair.attention, torch.Generator().manual_seed(1)
    attention.__class__ = kind
    optimizer = torch.optim.Adam([*attention.parameters(), *learner.heads.parameters()], 3e-3)
    below = possible = 0
    for step in range(steps + 20):
        batch = segments(random, count=6)
        phone = batch["phone"].flatten()
        noise = [torch.randn(6, LENGTH, 512, generator=random) for _ in range(2)]
        read = learner.read(batch, *noise, torch.tensor(batch["n_frames"]), phone >= 0)
        sides = [way(rows, phone) for rows in read]
        if step < steps:
            optimizer.zero_grad()
            segment_nce(*sides, phone, VISEMES[phone]).backward()
            optimizer.step()
        else:
            cosines = cosines_as_read(*sides, phone)
            other = VISEMES[phone][:, None] != VISEMES[phone]
            below += ((cosines < cosines.diag()[:, None]) & other).sum().item()
            possible += other.sum().item()
    return below / possible


@pytest.mark.parametrize("kind", [SegmentAttention, WithResidual, OverContents])
def test_in_noise_no_segment_is_found_however_a_phone_reads(kind):
    assert retrieval_in_noise(kind, as_every_phone) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("kind", [WithResidual, OverContents])
def test_it_would_be_found_if_each_were_read_as_its_own_phone_reads(kind):
    assert retrieval_in_noise(kind, as_its_own_phone) > 0.6


# other phones


def held_out(term, telling, steps, lr=3e-3, uneven=False):
    """A term on excerpts that were not learned from; of anchors per side."""
    learner, random = learner_of(term), torch.Generator().manual_seed(2)
    optimizer = torch.optim.Adam([each for each in learner.parameters() if each.requires_grad], lr)
    losses = []
    for step in range(steps + 10):
        with torch.set_grad_enabled(step < steps):
            loss = learner(excerpts(random, 4 if steps < 100 else 8, telling, uneven=uneven))[term]
        if step < steps:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        else:
            losses.append(loss.item() / (1 + (term == "anchors")))
    return sum(losses) / len(losses)


def chance(term, count=8):
    """Of the anchors' six visemes; of InfoNCE where all segments that are no negatives are alike."""
    if term == "anchors":
        return math.log(len(SPOKEN))
    random, losses = torch.Generator().manual_seed(3), []
    for _ in range(100):
        viseme = VISEMES[segments(random, count)["phone"].flatten()]
        losses.append((1 + (viseme[:, None] != viseme).sum(1)).log().mean().item())
    return sum(losses) / len(losses)


def test_anchors_are_learned_from_true_phones_and_never_from_others():
    true, others = held_out("anchors", True, steps=10), held_out("anchors", False, steps=20)
    assert true < 0.8 * chance("anchors") and others > chance("anchors") - 0.05, (true, others)


@pytest.mark.slow
@pytest.mark.parametrize(("term", "uneven"), [("anchors", False), ("contrast", True)])
def test_neither_term_falls_below_chance_in_300_steps_on_other_phones(term, uneven):
    """Audio of some phones, lips of others, segments of yet others: nothing is to be known."""
    assert held_out(term, telling=False, steps=300, lr=1e-3, uneven=uneven) > chance(term) - 0.03


@pytest.mark.slow
@pytest.mark.parametrize("term", ALIGNED)
def test_both_terms_fall_on_true_phones(term):
    assert held_out(term, telling=True, steps=60) < 0.5 * chance(term)
