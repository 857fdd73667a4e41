"""Options of training: the presets, and values that cannot be."""

import pytest

from speechlip.errors import OptionError
from speechlip.training.options import PRESETS, make_options, unlike_paper


def test_the_paper_preset_is_what_the_paper_states():
    options = make_options("paper", {})
    assert (options.encoder, options.lr, options.batch_size, options.loss) == ("se4lip", 5e-5, 16, "relu")
    assert not {"lr", "batch_size", "loss"} & set(unlike_paper(options))
    assert set(PRESETS) == {"paper", "fast"} and make_options("fast", {"lr": 1.0}).lr == 1.0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"loss": "bce"}, "loss is 'bce'; there are: relu, clamp"),
        ({"steps": 0}, "steps is 0; it must be at least 1"),
        ({"batch_size": 1}, "batch_size 1 must be at least 2"),
        ({"lr": float("nan")}, "lr nan a number above 0"),
        ({"negatives": "positive:0,shift:1"}, "leave no positive pair"),
        ({"negatives": "near:1"}, "no kind of pair 'near'"),
        ({"momentum": 1}, "no option 'momentum'; there are: encoder, loss"),
        ({"device": "tpu"}, "no device 'tpu'; there are: auto, cpu, cuda"),
    ],
)
def test_options_that_cannot_be_are_refused(given, words):
    with pytest.raises(OptionError, match=words):
        make_options("paper", given)
