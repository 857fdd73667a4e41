"""What SE4Lip's paper states of training, and where a run differs from it."""

from collections.abc import Sequence

from speechlip.training.options import TrainOptions
from speechlip.training.pase_options import EXCERPTS_CHOSEN

STATED = {"loss": "relu", "batch_size": 16, "lr": 5e-5}
"""What the paper states (5.1; ``relu`` is its eq. 6 as Wav2Lip makes it defined).

Everything else had to be chosen.
"""
CHOSEN = (
    "lip_input",
    "steps",
    "schedule",
    "warmup_steps",
    "negatives",
    "min_neg_gap",
    "pairs",
    "windows_per_clip",
    "augment",
)


def unlike_paper(options: TrainOptions, ends: Sequence[int] = ()) -> dict[str, str]:
    """Options that differ from the paper, and those that it does not state, each with a word on it.

    ends: of ``checkpoint.TrainState``.

    >>> unlike_paper(TrainOptions(lr=1e-4))["lr"], unlike_paper(TrainOptions())["steps"]
    ('0.0001, the paper has 5e-05', '100000, not stated')
    """
    if options.learns_from_phones:
        return {name: f"{getattr(options, name)}, our choice" for name in EXCERPTS_CHOSEN} | ended(
            options, ends
        )
    said = {
        name: f"{getattr(options, name)}, the paper has {value}"
        for name, value in STATED.items()
        if getattr(options, name) != value
    }
    said |= {name: f"{value}, not stated" for name, value in options.of_network.items()}
    said |= {
        name: f"{'the default' if getattr(options, name) == '' else getattr(options, name)}, not stated"
        for name in CHOSEN
    }
    return said | ended(options, ends)


def ended(options: TrainOptions, ends: Sequence[int]) -> dict[str, str]:
    """What is said of the steps of a run that was to have others."""
    return {"steps": f"{options.steps}, begun as a run of {', then '.join(map(str, ends))}"} if ends else {}
