"""PASE with a lip path without batch norm, whose gradients do not depend on how a batch is divided."""

import torch
from phone_batches import excerpts, some_of
from torch import nn

from speechlip.encoders.networks.pase.pair import LipPath
from speechlip.training.objectives.objective import weighted
from speechlip.training.objectives.registry import objective_of
from speechlip.training.options import TrainOptions
from speechlip.training.processes.ranks import ALONE

CLIPS = 4


class LinearLips(LipPath):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5 * 48, 512)

    def seen(self, lips):
        return lips[..., 12::24, 12::24, :].flatten(-3).float() / 255 - 0.5

    def read(self, windows):
        return self.layer(windows.flatten(1))


def whole_batch():
    """Four excerpts of different lengths, some frames hidden, something withheld from two of them."""
    random = torch.Generator().manual_seed(3)
    batch = excerpts(random, CLIPS, n_frames=[20, 8, 20, 12])
    withheld = {"no_audio": torch.tensor([1, 0, 0, 0]) > 0, "no_lips": torch.tensor([0, 0, 1, 0]) > 0}
    return batch | withheld | {"masked": torch.rand(CLIPS, 20, generator=random) < 0.3}


def pase_gradients(ranks=ALONE):
    """The gradient of every weight after this process's part of the batch, and its terms."""
    torch.manual_seed(0)
    objective = objective_of(TrainOptions.preset("small", encoder="pase"))
    pair, heads = objective.networks()
    pair.lips = LinearLips()
    learner = objective.learner(pair, heads)
    share = CLIPS // ranks.count
    own = some_of(whole_batch(), list(range(ranks.rank * share, (ranks.rank + 1) * share)))
    averaging = ranks.averaging(learner)  # which averages as long as it lives
    terms = averaging(own)
    weighted(terms, objective.weights).backward()
    gradients = {
        name: value.grad.clone() for name, value in learner.named_parameters() if value.grad is not None
    }
    return gradients, {name: ranks.mean(value.item()) for name, value in terms.items()}
