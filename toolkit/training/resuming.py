"""Which options a run that goes on may have, and what is said of another last step."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from speechlip.errors import OptionError
from speechlip.training.options import TrainOptions

RESUMABLE = ("steps", "device", "compile", "validation_pairs", "validate_every", "checkpoint_every")
"""Options that may change when a run is resumed."""


def resumed(saved: TrainOptions, given: Mapping[str, Any]) -> TrainOptions:
    """The options of a run that goes on. Raises OptionError where ``given`` would make it another run.

    >>> resumed(TrainOptions(), {"encoder": "mel-cnn"})
    Traceback (most recent call last):
    speechlip.errors.OptionError: this run has encoder 'se4lip', not 'mel-cnn'; leave the option out ...
    """
    for name, value in given.items():
        if name not in RESUMABLE and value != getattr(saved, name):
            raise OptionError(
                f"this run has {name} {getattr(saved, name)!r}, not {value!r}; leave the option out to go "
                "on with it, or begin another run"
            )
    return replace(saved, **given)


def other_end(saved: TrainOptions, options: TrainOptions) -> str:
    """A note on a run that goes on with another last step.

    Empty where it is as if it had been so from the start.

    >>> other_end(TrainOptions(steps=10), TrainOptions(steps=20))
    ''
    >>> cosine = TrainOptions(steps=10, schedule="cosine")
    >>> other_end(cosine, replace(cosine, steps=20))
    'the learning rate fell as a cosine that ends at step 10, and goes on as one that ends at step 20: ...'
    """
    if saved.steps == options.steps or options.schedule == "constant":
        return ""
    return (
        f"the learning rate fell as a {saved.schedule} that ends at step {saved.steps}, and goes on as one "
        f"that ends at step {options.steps}: "
        f"not the weights of {options.steps} steps in one go"
    )
