"""Values that command lines write as text: sizes, lengths of time, numbers of pixels, shares of splits."""

import re
from fractions import Fraction
from typing import Any

from speechlip.errors import OptionError
from speechlip.format import SPLIT_NAME
from speechlip.workers.cluster import RayCluster
from speechlip.workers.engines import RAY, EngineChoice
from speechlip.workers.events import Limits

BYTE_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def parse_bytes(text: str) -> int:
    """Read a size such as ``256MB`` (10⁶) or ``64MiB`` (2²⁰). Raises OptionError.

    >>> parse_bytes("256MB"), parse_bytes("1.5 KiB")
    (256000000, 1536)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    if not match or match[2].upper() not in BYTE_UNITS:
        raise OptionError(f"cannot read the size {text!r}; write it like 256MB, 1.5GB or 64MiB")
    return round(float(match[1]) * BYTE_UNITS[match[2].upper()])


def parse_duration(text: str) -> float:
    """Read a length of time such as ``1s``, ``1.5`` (seconds), ``500ms`` or ``2min``, in seconds.

    Raises OptionError.

    >>> parse_duration("1s"), parse_duration("500ms"), parse_duration("2min")
    (1.0, 0.5, 120.0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|ms|min|)", text.strip())
    if not match:
        raise OptionError(f"cannot read the length {text!r}; write it like 1s, 500ms or 2min")
    return float(match[1]) * {"": 1, "s": 1, "ms": 0.001, "min": 60}[match[2]]


def parse_pixels(text: str) -> int:
    """Read a number of pixels such as ``40MP`` (millions). Raises OptionError.

    >>> parse_pixels("40MP"), parse_pixels("0.5 MP"), parse_pixels("90000")
    (40000000, 500000, 90000)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(MP)?", text.strip(), re.IGNORECASE)
    if not match or float(match[1]) <= 0:
        raise OptionError(f"cannot read the number of pixels {text!r}; write it like 40MP")
    return round(float(match[1]) * (10**6 if match[2] else 1))


def parse_limits(max_wait: str, max_memory: str) -> Limits:
    """``--max-wait`` and ``--max-memory`` as limits; 0 is none. Raises OptionError.

    >>> parse_limits("10min", "4GiB") == Limits()
    True
    """
    return Limits(parse_duration(max_wait), parse_bytes(max_memory))


def read_engine(given: dict[str, Any]) -> EngineChoice:
    """The engine that ``engine_options`` name; they are taken out of ``given``.

    Raises OptionError where something is asked of a Ray cluster, and the engine is another.

    >>> read_engine({"engine": "ray", "ray_address": None, "cpus_per_unit": 4.0, "gpus_per_unit": None})
    RayCluster(address='auto', cpus_per_unit=4.0, gpus_per_unit=0.0)
    """
    engine, fields = given.pop("engine"), ("ray_address", "cpus_per_unit", "gpus_per_unit")
    asked = {name: value for name in fields if (value := given.pop(name)) is not None}
    if engine == RAY:
        return RayCluster(**{name.removeprefix("ray_"): value for name, value in asked.items()})
    if asked:
        option = f"--{min(asked).replace('_', '-')}"
        raise OptionError(f"{option} goes with --engine ray, and the engine is {engine}")
    return engine


def parse_share(text: str) -> Fraction:
    """``10/11`` or ``0.9``, as it stands. Raises OptionError for what is no number.

    >>> parse_share("10/11"), parse_share("0.9")
    (Fraction(10, 11), Fraction(9, 10))
    """
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise OptionError(
            f"--train-share {text!r} is no share above 0 and up to 1; "
            "give 10/11 (as the renderers split), 9/10, or 1"
        ) from error


def parse_split(text: str) -> dict[str, float]:
    """Read shares such as ``train=0.9,validation=0.1`` or ``train=10/11,test=1/11``; they must add up to 1.

    Raises OptionError.

    >>> parse_split("train=0.8,test=0.2"), parse_split("train=3/4,test=1/4")
    ({'train': 0.8, 'test': 0.2}, {'train': 0.75, 'test': 0.25})
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        match = re.fullmatch(rf"\s*({SPLIT_NAME})\s*=\s*(\d*\.?\d+|\d+/[1-9]\d*)\s*", part)
        if not match:
            raise OptionError(
                f"cannot read the split {part!r}; write it like train=0.9,validation=0.05,test=0.05 "
                "or train=10/11,test=1/11 (names in a-z, 0-9, _)"
            )
        if match[1] in shares:
            raise OptionError(f"the split {match[1]!r} is named twice in {text!r}")
        shares[match[1]] = float(Fraction(match[2]))
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise OptionError(f"the shares of {text!r} add up to {sum(shares.values()):g}; they must add up to 1")
    return shares
