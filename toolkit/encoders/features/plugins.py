"""Encoders of other packages: by entry point, or as ``module:function``.

One contract for both: a callable without arguments that returns a ``SpeechEncoder`` (``encode``) or
``ClipFeatures`` (``of_clip``). Where it has a method ``to``, as every torch module has, it is called with the
device.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from speechlip.encoders.features.protocol import ClipFeatures, FeatureClock
from speechlip.encoders.features.waveform import FromWaveform
from speechlip.encoders.registry import ENCODERS
from speechlip.errors import OptionError
from speechlip.plugins import imported, importing, said

CLIP_FEATURES = {"name": str, "dim": int, "clock": FeatureClock, "fields": tuple, "parameters": int}
SPEECH_ENCODER = {"name": str, "dim": int, "clock": FeatureClock}


def open_added(name: str, device: str) -> ClipFeatures:
    """The encoder that another package calls ``name``.

    Raises OptionError as ``opened``, and where it cannot be had.
    """
    return opened(name, ENCODERS.get(name), device)


def open_function(name: str, device: str) -> ClipFeatures:
    """``module:function``. Raises OptionError as ``opened`` and ``function_of``."""
    return opened(name, function_of(name), device)


def function_of(name: str) -> Any:
    """What ``module:function`` names, looked for on Python's path and last in the current folder.

    The folder stays on the path, since an encoder may import its neighbours when it is first used.
    Raises OptionError where it cannot be imported.
    """
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    with importing(f"encoder {name!r}"):
        return imported(name)


def opened(name: str, make: Callable[[], Any], device: str) -> ClipFeatures:
    """What a plug-in makes, as ``ClipFeatures``.

    Raises OptionError where it fails when called, or lacks what it must have. Whatever another package's code
    raises becomes one sentence here; the traceback stays its cause.
    """
    try:
        made = make()
    except Exception as error:
        raise OptionError(
            f"encoder {name!r} failed when it was made, without arguments: {said(error)}"
        ) from error
    if callable(getattr(made, "of_clip", None)):
        refuse_incomplete(name, made, CLIP_FEATURES)
        if hasattr(made, "to"):
            made.to(device)
        return made
    if not callable(getattr(made, "encode", None)):
        raise OptionError(
            f"encoder {name!r} gave {type(made).__name__}, which has neither encode nor of_clip "
            "(speechlip.encoders.features.protocol)"
        )
    refuse_incomplete(name, made, SPEECH_ENCODER)
    return FromWaveform(made, device)


def refuse_incomplete(name: str, made: Any, wanted: dict[str, type]) -> None:
    """Raise OptionError for the first attribute that is missing or of another type.

    Also for a clock or width that cannot be.
    """
    for attribute, kind in wanted.items():
        value = getattr(made, attribute, None)
        if not isinstance(value, kind):
            came = "none" if value is None else f"{type(value).__name__} {value!r}"
            raise OptionError(
                f"encoder {name!r}: {attribute} must be {kind.__name__}, it has {came} "
                "(speechlip.encoders.features.protocol)"
            )
    if made.dim < 1 or not 0 < made.clock.rate_hz < float("inf"):
        raise OptionError(
            f"encoder {name!r} declares dim {made.dim} and {made.clock.rate_hz} Hz; both must be above 0"
        )
