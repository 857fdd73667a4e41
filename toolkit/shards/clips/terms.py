"""The terms of a condition, each computed over all clips at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Protocol

import numpy as np

from speechlip.wording import counted

OPERATORS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "=": np.equal,
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


@dataclass(frozen=True)
class Values:
    """One value a clip, or one for all.

    data: (N,) or () of float64, bool, or text as objects.
    nulls: (N,) or () bool, where there is none; ``data`` is anything there.
    """

    data: np.ndarray
    nulls: np.ndarray

    @property
    def true(self) -> np.ndarray:
        """Where a condition holds."""
        return self.data & ~self.nulls


Columns = Callable[[str], Values]
"""The values of a column by its name."""


class Term(Protocol):
    """A part of a condition. kind: str, float or bool."""

    @property
    def kind(self) -> type: ...

    def values(self, columns: Columns) -> Values:
        """Its value for every clip."""


def named(kind: type) -> str:
    return {str: "text", bool: "true or false"}.get(kind, "a number")


@dataclass(frozen=True)
class Literal:
    value: float | str | bool

    @property
    def kind(self) -> type:
        return type(self.value)

    def __str__(self) -> str:
        return f"{self.value:g}" if self.kind is float else repr(self.value)

    def values(self, columns: Columns) -> Values:
        return Values(np.array(self.value, object if self.kind is str else self.kind), np.array(False))


@dataclass(frozen=True)
class ColumnTerm:
    name: str
    kind: type

    def __str__(self) -> str:
        return self.name

    def values(self, columns: Columns) -> Values:
        return columns(self.name)


@dataclass(frozen=True)
class Call:
    """A function of values; null where one of them is."""

    name: str
    arguments: tuple[Term, ...]
    kind: type = field(default=float, init=False)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.arguments))})"

    def values(self, columns: Columns) -> Values:
        given = [argument.values(columns) for argument in self.arguments]
        data = np.asarray(FUNCTIONS[self.name].of(*(each.data for each in given)), float)
        nulls = reduce(np.logical_or, (each.nulls for each in given))
        return Values(data, nulls | np.isnan(data))


@dataclass(frozen=True)
class Chain:
    """``a < b <= c``: all neighbours compare so; false where one is null."""

    parts: tuple[Term, ...]
    signs: tuple[str, ...]
    kind: type = field(default=bool, init=False)

    def __str__(self) -> str:
        rest = (f"{sign} {part}" for sign, part in zip(self.signs, self.parts[1:], strict=True))
        return " ".join([str(self.parts[0]), *rest])

    def values(self, columns: Columns) -> Values:
        given = [part.values(columns) for part in self.parts]
        nulls = reduce(np.logical_or, (each.nulls for each in given))
        holds = reduce(
            np.logical_and,
            (
                OPERATORS[sign](one.data, other.data).astype(bool)
                for sign, one, other in zip(self.signs, given[:-1], given[1:], strict=True)
            ),
        )
        return Values(holds & ~nulls, np.array(False))


@dataclass(frozen=True)
class In:
    """``a in (…)`` or ``a not in (…)``: false where a is null."""

    part: Term
    members: tuple[float | str | bool, ...]
    negative: bool = False
    kind: type = field(default=bool, init=False)

    def __str__(self) -> str:
        return f"{self.part} {'not ' if self.negative else ''}in ({', '.join(map(repr, self.members))})"

    def values(self, columns: Columns) -> Values:
        given, members = self.part.values(columns), frozenset(self.members)
        held = np.array([value in members for value in given.data.ravel().tolist()], bool)
        return Values((held.reshape(given.data.shape) ^ self.negative) & ~given.nulls, np.array(False))


@dataclass(frozen=True)
class IsNull:
    part: Term
    negative: bool = False
    kind: type = field(default=bool, init=False)

    def __str__(self) -> str:
        return f"{self.part} is {'not ' if self.negative else ''}null"

    def values(self, columns: Columns) -> Values:
        return Values(self.part.values(columns).nulls ^ self.negative, np.array(False))


@dataclass(frozen=True)
class Not:
    part: Term
    kind: type = field(default=bool, init=False)

    def __str__(self) -> str:
        return f"not ({self.part})"

    def values(self, columns: Columns) -> Values:
        return Values(~self.part.values(columns).true, np.array(False))


@dataclass(frozen=True)
class Join:
    """Conditions joined by ``and`` or ``or``."""

    word: str
    parts: tuple[Term, ...]
    kind: type = field(default=bool, init=False)

    def __str__(self) -> str:
        return f" {self.word} ".join(f"({part})" for part in self.parts)

    def values(self, columns: Columns) -> Values:
        join = np.logical_and if self.word == "and" else np.logical_or
        return Values(reduce(join, (part.values(columns).true for part in self.parts)), np.array(False))


@dataclass(frozen=True)
class Function:
    """What a condition may call. takes: kind of its arguments; least, most: how many; of: of their arrays."""

    takes: type
    least: int
    most: int
    of: Callable[..., np.ndarray]

    def problem(self, arguments: Sequence[Term]) -> str:
        """What is wrong with the arguments, or an empty text."""
        if not self.least <= len(arguments) <= self.most:
            many = f"{self.least} to " if self.least < self.most else ""
            return f"it takes {many}{counted(self.most, 'value')}"
        other = [each for each in arguments if named(each.kind) != named(self.takes)]
        return f"{other[0]} is {named(other[0].kind)}, wanted {named(self.takes)}" if other else ""


def lengths(texts: np.ndarray) -> np.ndarray:
    """Characters of each text."""
    return np.array([len(text) for text in texts.ravel()], float).reshape(texts.shape)


def numbers(texts: np.ndarray) -> np.ndarray:
    """The number that each text is, NaN where it is none."""
    return np.array([_number(text) for text in texts.ravel()], float).reshape(texts.shape)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def rounded(values: np.ndarray, digits: np.ndarray | float = 0.0) -> np.ndarray:
    """Values to so many digits, halves to even as Python rounds; NaN where the digits are none."""
    return np.asarray(np.vectorize(_rounded, otypes=[float])(values, digits))


def _rounded(value: float, digits: float) -> float:
    if np.isnan(digits):
        return np.nan
    try:
        return round(value, int(np.clip(digits, -MOST_DIGITS, MOST_DIGITS)))
    except OverflowError:  # 1.7e308 to -308 digits
        return value


MOST = 16
"""Values of one call."""
MOST_DIGITS = 400
"""No float has more before or behind the point."""
FUNCTIONS = {
    "abs": Function(float, 1, 1, np.abs),
    "min": Function(float, 2, MOST, lambda *values: reduce(np.minimum, values)),
    "max": Function(float, 2, MOST, lambda *values: reduce(np.maximum, values)),
    "round": Function(float, 1, 2, rounded),
    "len": Function(str, 1, 1, lengths),
    "number": Function(str, 1, 1, numbers),
}
