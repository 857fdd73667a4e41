"""A support vector regression and the ranges of its features, from the text files of libsvm's programs.

Goal: files of others read strictly, as text and never as a program; what is no such file is refused.
Conventions: a model as ``svm-train -s 3 -t 2`` writes it (epsilon-SVR, RBF kernel), ranges as
``svm-scale -s`` does, of features 1, 2, … A feature that a support vector does not name is 0.
Source: Chang and Lin, LIBSVM, svm.cpp and svm-scale.c. Functions: read_regression, read_ranges.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NoReturn

import numpy as np

from speechlip.errors import ModelError
from speechlip.files.names import is_file

MAX_BYTES, MAX_VECTORS = 8 * 2**20, 20_000
"""Of a file; the fits in use have under a thousand vectors and 360 kB."""
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
WANTED = {"svm_type": "epsilon_svr", "kernel_type": "rbf"}
NUMBERS = ("gamma", "rho")
IGNORED = ("nr_class", "probA")
"""Of a regression: always 2, and the spread of its errors."""


@dataclass(frozen=True)
class Regression:
    """An epsilon-SVR with an RBF kernel.

    gamma: of the kernel.
    rho: is taken off the sum.
    weights: (N,) float64, one for each support vector.
    vectors: (N, D) float64.
    """

    gamma: float
    rho: float
    weights: np.ndarray
    vectors: np.ndarray

    def predict(self, features: np.ndarray) -> float:
        """Σ w exp(−γ |v − x|²) − ρ of (D,) features."""
        apart = self.vectors - features
        kernel = np.exp(-self.gamma * np.einsum("nd,nd->n", apart, apart))
        return float(self.weights @ kernel - self.rho)


@dataclass(frozen=True)
class Ranges:
    """The ranges that features are scaled by.

    lower, upper: to which the least and the greatest value go.
    least, greatest: (D,) float64; values beyond them go beyond ``lower`` and ``upper``.
    """

    lower: float
    upper: float
    least: np.ndarray
    greatest: np.ndarray

    def scaled(self, features: np.ndarray) -> np.ndarray:
        share = (features - self.least) / (self.greatest - self.least)
        scaled: np.ndarray = self.lower + (self.upper - self.lower) * share
        return scaled


def read_regression(path: Path, n_features: int) -> Regression:
    """A model of ``n_features``. Raises ModelError, with the line, for what is no such model."""
    lines = _lines(path)
    header: dict[str, str] = {}
    for number, line in lines:
        if line == "SV":
            break
        name, _, value = line.partition(" ")
        if name not in (*WANTED, *NUMBERS, *IGNORED, "total_sv") or name in header:
            _refuse(path, number, f"{line!r:.60} is no line of a regression's header")
        header[name] = value.strip()
        if header[name] != WANTED.get(name, header[name]):
            _refuse(path, number, f"{name} is {value!r:.40}, wanted {WANTED[name]}")
    else:
        _refuse(path, 0, "it has no line SV, so it is cut, or no model of libsvm")
    if lacking := [name for name in (*WANTED, *NUMBERS, "total_sv") if name not in header]:
        _refuse(path, 0, f"it does not say {', '.join(lacking)}")
    gamma, rho = (_number(path, 0, header[name]) for name in NUMBERS)
    if gamma <= 0:
        _refuse(path, 0, f"gamma is {gamma:g}, wanted a number above 0")
    first = islice(lines, MAX_VECTORS + 1)
    vectors = [_vector(path, number, line, n_features) for number, line in first]
    if len(vectors) > MAX_VECTORS:
        _refuse(path, 0, f"it has more than {MAX_VECTORS} support vectors")
    if header["total_sv"] != str(len(vectors)) or not vectors:
        _refuse(path, 0, f"it has {len(vectors)} support vectors and states {header['total_sv']!r:.20}")
    rows = np.array(vectors)
    named = int(np.flatnonzero(rows[:, 1:].any(axis=0)).max(initial=-1)) + 1
    if named != n_features:
        _refuse(path, 0, f"its support vectors have {named} features, wanted {n_features}")
    return Regression(gamma, rho, rows[:, 0], rows[:, 1:])


def read_ranges(path: Path, n_features: int) -> Ranges:
    """The ranges of ``n_features``. Raises ModelError, with the line, for what are none."""
    lines = _lines(path)
    first, bounds = next(lines, (0, "")), next(lines, (0, ""))
    if first[1] == "y":
        _refuse(path, first[0], "it scales what is predicted (y), too; wanted ranges of features (x) alone")
    if first[1] != "x":
        _refuse(path, first[0], f"it begins with {first[1]!r:.20}, wanted x: the ranges that svm-scale saves")
    lower, upper = _numbers(path, *bounds, 2)
    rows = [_numbers(path, number, line, 3) for number, line in lines]
    if [row[0] for row in rows] != [*range(1, n_features + 1)]:
        _refuse(path, 0, f"it has ranges of {len(rows)} features, wanted of 1 to {n_features}, in order")
    least, greatest = np.array(rows)[:, 1:].T
    if not lower < upper or not (least < greatest).all():
        _refuse(path, 0, "a range ends where it begins, or before")
    return Ranges(lower, upper, least, greatest)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not empty."""
    if not is_file(path):
        raise ModelError(
            f"there is no file {path}; BRISQUE wants a model and the ranges of its features: --brisque-model "
            "FILE, and allrange beside it or --brisque-range FILE"
        )
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        _refuse(path, 0, f"it has more than {MAX_BYTES // 2**20} MiB")
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        _refuse(path, 0, "it is no text; a pickle or a .mat file is not read")
    return ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip())


def _vector(path: Path, number: int, line: str, n_features: int) -> list[float]:
    """The weight of a support vector, and its features: 1 + ``n_features`` numbers."""
    weight, *pairs = line.split()
    values = [_number(path, number, weight)] + [0.0] * n_features
    last = 0
    for pair in pairs:
        index, _, value = pair.partition(":")
        if not re.fullmatch(r"\d{1,4}", index) or not last < int(index) <= n_features:
            _refuse(path, number, f"{pair!r:.40}, wanted features from 1 to {n_features} in order, as 1:0.5")
        last = int(index)
        values[last] = _number(path, number, value)
    return values


def _numbers(path: Path, number: int, line: str, count: int) -> list[float]:
    words = line.split()
    if len(words) != count:
        _refuse(path, number, f"{line!r:.60}, wanted {count} numbers")
    return [_number(path, number, word) for word in words]


def _number(path: Path, number: int, word: str) -> float:
    value = float(word) if NUMBER.fullmatch(word) else np.nan
    if not np.isfinite(value):
        _refuse(path, number, f"{word!r:.40} is no finite number")
    return value


def _refuse(path: Path, number: int, what: str) -> NoReturn:
    place = f"{path}, line {number}" if number else f"{path}"
    raise ModelError(f"{place}: {what}")
