"""Losses of whole crops: LPIPS, and how well lips and speech go together by a frozen expert of ours."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlip.encoders.checkpoint import CheckpointFacts, open_checkpoint
from speechlip.encoders.trained import load_run
from speechlip.errors import OptionError
from speechlip.remote.mirror import run_at
from speechlip.shards.pairs.rules import WINDOW
from speechlip.training.step.losses import s2l

CROP = "lips"
"""Preset of the crops that canonical ones are alike."""


def expert_facts(run: str) -> CheckpointFacts:
    """What a run says of itself.

    Raises ModelError for what is no run, OptionError for one that learned from other crops than these.
    """
    facts = open_checkpoint(run_at(run)).facts
    if facts.crop != CROP:
        raise OptionError(
            f"the sync expert {run} was trained on {facts.crop!r} crops, and rendered ones are as "
            f"{CROP!r}; take a run of train-encoder on shards of --crop {CROP}"
        )
    return facts


class SyncExpert:
    """The frozen encoders of a run of ``train-encoder``, and what its speech encoder says of a person.

    speech: (N − 4, 512) float32, row i of the frames i … i + 4.
    """

    def __init__(self, run: str, audio: np.ndarray, device: torch.device) -> None:
        trained = load_run(run, str(device))
        self.lips: nn.Module = trained.pair.requires_grad_(False).eval()
        self.speech = torch.from_numpy(trained.speech_features(audio)[:, :-1].copy()).to(device)

    def loss(self, crops: Tensor, right: Tensor, other: Tensor) -> Tensor:
        """Eq. 6 over rendered windows, each with the speech of its own time and with that of another.

        crops: (B, 5, 96, 96, 3) float, 0 to 1, rendered.
        right, other: (B,) int, first frame of the window and of the other time.

        The paper's negatives are the true images of other times: of these nothing depends on what is learned,
        so that with frozen encoders their term has no gradient. Here both terms have the rendered window.
        """
        lips = self.lips.embed_lips(crops.clamp(0, 1) * 255)  # type: ignore[operator]
        return eq6(lips.float(), self.speech[right], self.speech[other])


def eq6(lips: Tensor, right: Tensor, other: Tensor) -> Tensor:
    """Speech2Lip's eq. 6 of lips with right speech and with other speech: (B, 512) each → scalar.

    >>> round(eq6(torch.tensor([[1.0, 0]]), torch.tensor([[3.0, 4]]), torch.tensor([[4.0, 3]])).item(), 4)
    0.6
    """
    cosines = functional.cosine_similarity(torch.cat([lips, lips]), torch.cat([right, other]))
    labels = torch.cat([torch.ones(len(right)), torch.zeros(len(other))]).to(cosines.device)
    return s2l(cosines, labels)


def other_time(start: int, starts: np.ndarray, pick: float) -> int:
    """A window's start that shares no frame with the one from ``start`` on.

    pick: 0 to 1, which of them.

    >>> other_time(3, np.arange(10), 0.0), other_time(3, np.arange(10), 0.99)
    (8, 9)
    """
    far = starts[np.abs(starts - start) >= WINDOW]
    return int(far[int(pick * len(far))])
