"""JSON from files that may come from anywhere, as the standard has it; and records as JSON has them."""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar

Record = TypeVar("Record")


def strict_json(text: str | bytes) -> Any:
    """A value read from JSON. Raises ValueError for ``NaN``, ``Infinity`` and ``1e999``, too.

    >>> strict_json('{"seconds": NaN}')
    Traceback (most recent call last):
    ValueError: NaN is no number
    """
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _finite(text: str) -> float:
    return float(text) if math.isfinite(float(text)) else _refuse(text)


def record_of(kind: type[Record], raw: Any) -> Record | None:
    """A record of this dataclass from what ``raw`` says of its fields; other names are left out.

    None where ``raw`` is no object or lacks a field that has no default. Types are not checked.
    """
    if not isinstance(raw, Mapping):
        return None
    known = [field.name for field in dataclasses.fields(kind) if field.init]  # type: ignore[arg-type]
    try:
        return kind(**{name: raw[name] for name in known if name in raw})
    except TypeError:
        return None


def as_json(value: Any) -> Any:
    """Records, also in dicts, lists and tuples, as dicts of their fields in order.

    Fields that are None are left out.
    """
    if dataclasses.is_dataclass(value):
        named = (
            (field.name, getattr(value, field.name)) for field in dataclasses.fields(value) if field.init
        )
        return {name: as_json(inner) for name, inner in named if inner is not None}
    if isinstance(value, Mapping):
        return {name: as_json(inner) for name, inner in value.items()}
    return [as_json(inner) for inner in value] if isinstance(value, list | tuple) else value


def encode_json(value: object) -> bytes:
    """JSON with sorted keys and no spaces, in UTF-8: the same value gives the same bytes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )
