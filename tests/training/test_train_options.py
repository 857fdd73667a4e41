"""Options of training: the presets, and values that cannot be."""

from dataclasses import asdict

import pytest

from speechlip.errors import OptionError
from speechlip.training.options import PRESETS, TrainOptions
from speechlip.training.paper import unlike_paper
from speechlip.training.resuming import resumed


def test_the_paper_preset_is_what_the_paper_states():
    options = TrainOptions.preset("paper")
    assert (options.encoder, options.lr, options.batch_size, options.loss) == ("se4lip", 5e-5, 16, "relu")
    assert not {"lr", "batch_size", "loss"} & set(unlike_paper(options))
    assert set(PRESETS) == {"paper", "fast"} and TrainOptions.preset("fast", lr=1.0).lr == 1.0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"loss": "bce"}, "loss is 'bce'; there are: relu, clamp"),
        ({"steps": 0}, "steps is 0; it must be at least 1"),
        ({"batch_size": 1}, "batch_size 1 must be at least 2"),
        ({"lr": float("nan")}, "lr nan a number above 0"),
        ({"negatives": "positive:0,shift:1"}, "leave no positive pair"),
        ({"negatives": "near:1"}, "no kind of pair 'near'"),
        ({"momentum": 1}, "no option 'momentum'; there are: .*encoder, loss"),
        ({"steps": "10"}, "steps is '10', wanted a whole number"),
        ({"steps": 1.5}, "steps is 1.5, wanted a whole number"),
        ({"compile": "no"}, "compile is 'no', wanted True or False"),
        ({"lr": "fast"}, "lr is 'fast', wanted a number"),
        ({"device": "tpu"}, "no device 'tpu'; there are: auto, cpu, cuda"),
    ],
)
def test_options_that_cannot_be_are_refused(given, words):
    with pytest.raises(OptionError, match=words):
        TrainOptions.preset("paper", **given)


@pytest.mark.parametrize(
    ("encoder", "feature", "pool"),
    [("se4lip", "logmag", "last"), ("mel-gru", "logmag", "last"), ("mel-cnn", "logmag", "")],
)
def test_options_of_the_network_left_out_become_its_own(encoder, feature, pool):
    options = TrainOptions(encoder=encoder)
    assert (options.feature, options.pool) == (feature, pool)


def test_a_run_of_the_command_goes_on_with_options_from_python():
    begun = TrainOptions(encoder="mel-gru", feature="logmag", pool="last", steps=100)
    given = TrainOptions(encoder="mel-gru", steps=200)
    assert resumed(begun, asdict(given)) == TrainOptions(encoder="mel-gru", steps=200)
    with pytest.raises(OptionError, match="this run has pool 'last', not 'mean'"):
        resumed(begun, asdict(TrainOptions(encoder="mel-gru", pool="mean")))


def test_a_preset_is_reached_from_python():
    assert TrainOptions.preset() == TrainOptions()
    fast = TrainOptions.preset("fast", steps=7)
    assert (fast.loss, fast.batch_size, fast.lr, fast.schedule, fast.steps) == ("nce", 64, 5e-4, "cosine", 7)
    with pytest.raises(OptionError, match="no preset 'fsat'; there are: paper, fast"):
        TrainOptions.preset("fsat")
