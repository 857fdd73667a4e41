"""A pair without batch norm, whose gradients do not depend on how a batch is divided."""

import torch
from torch import nn

from speechlip.shards.pairs.rules import PairRules
from speechlip.training.options import TrainOptions
from speechlip.training.processes.ranks import ALONE
from speechlip.training.step.losses import Criterion
from speechlip.training.step.pair_loss import PairLoss

OPTIONS = TrainOptions(
    encoder="mel-cnn", loss="half", steps=2, batch_size=4, lr=1e-3, device="cpu", checkpoint_every=1
)
PAIRS = 8


class LinearPair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.lips, self.speech = nn.Linear(6, 5), nn.Linear(4, 5)

    def forward(self, lips, speech):
        return self.lips(lips), self.speech(speech)


def whole_batch():
    """Eight pairs, of which two are mismatches, and two come from one clip too near each other to be any."""
    draw = torch.Generator().manual_seed(1)
    clips = ["a", "a", "b", "c", "d", "e", "f", "g"]
    return {
        "lips": torch.randn(PAIRS, 6, generator=draw),
        "spectrogram": torch.randn(PAIRS, 4, generator=draw),
        "label": torch.tensor([1.0, 1, 1, 0, 1, 1, 0, 1]),
        "lips_start": torch.arange(PAIRS),
        "speech_start": torch.arange(PAIRS) + 1,
        "keys": [(clip, clip) for clip in clips],
    }


def gradients(loss, ranks=ALONE):
    """The gradient of every weight after this process's part of the batch."""
    first, share = ranks.rank * PAIRS // ranks.count, PAIRS // ranks.count
    batch = {name: values[first : first + share] for name, values in whole_batch().items()}
    both = PairLoss(LinearPair(), Criterion(loss, PairRules()), bf16=False)
    learner = ranks.averaging(both)
    learner(batch)["pairs"].backward()
    return {name: parameter.grad.clone() for name, parameter in both.named_parameters()}
