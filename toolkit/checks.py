"""Options and arguments from Python: one of another type is refused with a sentence."""

import collections.abc
import numbers
import types
from collections.abc import Mapping
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from speechlip.errors import OptionError, no_such
from speechlip.urls import COPY_HERE, COPY_THERE, path_here

Options = TypeVar("Options")

WORDS = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "text",
    types.NoneType: "None",
    tuple: "a tuple",
    dict: "a mapping",
    collections.abc.Mapping: "a mapping",
    collections.abc.Sequence: "a sequence",
}


def check_types(options: Any) -> None:
    """Raise OptionError for a field of a frozen record that holds another type than the record states.

    Whole numbers of other libraries (numpy's) become ``int``.
    """
    hints = get_type_hints(type(options))
    for each in fields(options):
        value = getattr(options, each.name)
        check_type(each.name, value, hints[each.name])
        if isinstance(value, numbers.Integral) and not isinstance(value, int):
            object.__setattr__(options, each.name, int(value))


def check_type(name: str, value: object, wanted: Any) -> None:
    """Raise OptionError where a value is of another type than ``wanted``, as annotations write it."""
    if not fits(value, wanted):
        raise OptionError(f"{name} is {value!r:.80}, wanted {in_words(wanted)}")


def from_preset(
    kind: type[Options], presets: Mapping[str, Mapping[str, Any]], name: str, given: Mapping[str, Any]
) -> Options:
    """Options of a preset with what was given in its place; OptionError for an unknown preset or option."""
    if name not in presets:
        raise no_such("preset", name, presets)
    known = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    if unknown := [option for option in given if option not in known]:
        raise no_such("option", unknown[0], known)
    return kind(**{**presets[name], **given})


def check_kind(argument: str, value: object, wanted: type) -> None:
    """Raise OptionError where an argument is no ``wanted``, such as the options of another job."""
    if not isinstance(value, wanted):
        raise OptionError(f"{argument} is {value!r:.80}, wanted {wanted.__name__}(...)")


def check_path(argument: str, value: object, else_do: str = COPY_HERE) -> Path:
    """The value as a path on this disk. Raises OptionError for what is none, such as options at the place of
    a path, and for a URL.

    else_do: what to do about a URL, for the sentence.
    """
    return path_here(check_place(argument, value), argument, else_do)


def check_place(argument: str, value: object) -> str | Path:
    """The value, which is a path or a URL. Raises OptionError for anything else."""
    if not isinstance(value, str | PathLike):
        raise OptionError(f"{argument} is {value!r:.80}, wanted a path")
    return value if isinstance(value, str) else Path(value)


def check_out(value: object, argument: str = "out") -> Path:
    """The place of what is written, as ``check_path``."""
    return check_path(argument, value, COPY_THERE)


AUTO: Literal["auto"] = "auto"
Workers = int | Literal["auto"]
"""A number of processes, or one that is chosen (``workers.auto``)."""


def check_workers(workers: object) -> None:
    """Raise OptionError for what is neither a number of processes nor ``auto``."""
    if workers != AUTO:
        check_worker_count(workers, ", or 'auto'")


def check_worker_count(workers: object, or_else: str = "") -> None:
    """Raise OptionError for what is no number of processes.

    or_else: what else is wanted, for the sentence.
    """
    if not fits(workers, int) or workers < 1:  # type: ignore[operator]
        raise OptionError(f"workers is {workers!r:.80}, wanted a whole number from 1 on{or_else}")


def fits(value: object, wanted: Any) -> bool:
    """Whether a value is of a type as annotations write it; what is neither a type nor one of these fits all.

    >>> fits(3, int), fits(True, int), fits(3, float), fits("3", float | None), fits((1,), tuple[str, ...])
    (True, False, True, False, False)
    """
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return any(fits(value, each) for each in inner)
    if origin is tuple and inner[1:] == (...,):
        return isinstance(value, tuple) and all(fits(each, inner[0]) for each in value)
    if isinstance(value, bool):
        return wanted in (bool, object, Any)
    if wanted is int or wanted is float:
        return isinstance(value, numbers.Integral if wanted is int else numbers.Real)
    kind = origin or (types.NoneType if wanted is None else wanted)
    return not isinstance(kind, type) or isinstance(value, kind)


def in_words(wanted: Any) -> str:
    """A type for a sentence.

    >>> in_words(float | None), in_words(tuple[str, ...])
    ('a number or None', 'a tuple of text')
    """
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return " or ".join(in_words(each) for each in inner)
    if origin is tuple and inner[1:] == (...,):
        return f"a tuple of {in_words(inner[0])}"
    kind = origin or wanted
    return str(WORDS.get(kind) or getattr(kind, "__name__", kind))
