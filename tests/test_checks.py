"""Options with values of other types: one sentence says which field, what came, what was wanted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechlip.checks import check_kind, check_types, check_workers
from speechlip.errors import OptionError


@dataclass(frozen=True)
class Options:
    steps: int = 1
    rate: float = 0.5
    name: str = ""
    fast: bool = False
    metrics: tuple[str, ...] = ()
    shares: Mapping[str, float] | None = None
    weights: str | Path | None = None


def test_what_is_stated_passes_and_numbers_of_numpy_become_int():
    whole: Any = np.int64(3)
    options = Options(whole, 2, "a", True, ("lse",), {"train": 1.0}, Path("w"))
    check_types(options)
    assert options.steps == 3 and type(options.steps) is int


@pytest.mark.parametrize(
    "given, said",
    [
        ({"steps": 1.5}, "steps is 1.5, wanted a whole number"),
        ({"steps": True}, "steps is True, wanted a whole number"),
        ({"rate": "0.5"}, "rate is '0.5', wanted a number"),
        ({"name": None}, "name is None, wanted text"),
        ({"fast": "no"}, "fast is 'no', wanted True or False"),
        ({"metrics": "lse"}, "metrics is 'lse', wanted a tuple of text"),
        ({"metrics": ("lse", 1)}, "metrics is ('lse', 1), wanted a tuple of text"),
        ({"shares": "0.8"}, "shares is '0.8', wanted a mapping or None"),
        ({"weights": 3}, "weights is 3, wanted text or Path or None"),
    ],
)
def test_another_type_is_refused_in_one_sentence(given, said):
    with pytest.raises(OptionError) as error:
        check_types(Options(**given))
    assert str(error.value) == said


@pytest.mark.parametrize("workers", [0, -1, 1.5, "2", "all", True, None])
def test_no_number_of_workers(workers):
    with pytest.raises(OptionError, match=r"workers is .*, wanted a whole number from 1 on"):
        check_workers(workers)


def test_options_of_another_kind():
    with pytest.raises(OptionError, match=r"options is \{'steps': 1\}, wanted Options\(\.\.\.\)"):
        check_kind("options", {"steps": 1}, Options)
