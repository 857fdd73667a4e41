"""Jobs that learn or export, given the options of another job: refused with a sentence before any work."""

from fractions import Fraction

import pytest

import speechlip
from speechlip.benchmarking.options import BenchmarkOptions
from speechlip.errors import OptionError
from speechlip.exporting.options import ExportOptions
from speechlip.training.check_data import check_data
from speechlip.training.options import TrainOptions


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda out: speechlip.train(out, out / "run", {"steps": 3}), r"wanted TrainOptions\(...\)"),
        (lambda out: speechlip.train(out, out / "run", BenchmarkOptions()), r"wanted TrainOptions\(...\)"),
        (lambda out: check_data(out, {}), r"options is {}, wanted TrainOptions\(...\)"),
        (
            lambda out: speechlip.benchmark("log-mel", out, out, TrainOptions()),
            r"wanted BenchmarkOptions\(...\)",
        ),
        (
            lambda out: speechlip.benchmark("log-mel", out, out, workers=0),
            "workers is 0, wanted a whole number",
        ),
        (lambda out: speechlip.export_features("log-mel", out, out, None), r"wanted ExportOptions\(...\)"),
        (lambda out: speechlip.export_features("log-mel", out, out, limits=(1, 2)), r"limits is \(1, 2\)"),
    ],
)
def test_another_jobs_options_are_refused(call, words, tmp_path):
    with pytest.raises(OptionError, match=words):
        call(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        (BenchmarkOptions, {"seeds": "1"}, "seeds is '1', wanted a whole number"),
        (BenchmarkOptions, {"steps": 1.5}, "steps is 1.5, wanted a whole number"),
        (BenchmarkOptions, {"random_init": "no"}, "random_init is 'no', wanted True or False"),
        (ExportOptions, {"renderers": "er-nerf"}, "renderers is 'er-nerf', wanted a tuple of text or None"),
        (ExportOptions, {"train_share": "0.9"}, "train_share is '0.9', wanted"),
        (ExportOptions, {"max_picture_px": 4.5}, "max_picture_px is 4.5, wanted a whole number"),
    ],
)
def test_options_of_another_type_are_refused(kind, given, words):
    with pytest.raises(OptionError, match=words):
        kind(**given)


def test_shares_and_folders_may_be_given_plainly():
    options = ExportOptions(train_share=1, scale_of="features/hubert")
    assert options.train_share == Fraction(1)


def test_presets_of_the_benchmark_are_reached_from_python():
    quick = BenchmarkOptions.preset("quick", seeds=2)
    assert (quick.steps, quick.seeds, quick.batch_size, quick.curve_every) == (120, 2, 32, 6)
    with pytest.raises(OptionError, match="no option 'step'; there are: steps"):
        BenchmarkOptions.preset("quick", step=2)
