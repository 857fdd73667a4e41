"""Speech encoders by name: those of the ablation, and those that other packages add.

Another package adds one by an entry point in the group ``speechlip.encoders`` whose value is a callable without arguments that returns a module
``(B, 25, 257) STFT magnitude → (B, 512)``. A module with a ``spectrum`` that has ``fit`` is fitted to the training speech.
"""

from collections.abc import Callable
from functools import partial
from importlib.metadata import EntryPoint, entry_points

from speechlip.errors import OptionError
from torch import nn

from .speech import CnnEncoder, GruEncoder

GROUP = "speechlip.encoders"
BUILT_IN: dict[str, Callable[[], nn.Module]] = {
    "se4lip": GruEncoder,
    "stft-gru": GruEncoder,
    "stft-gru-small": partial(GruEncoder, width=256),
    "mel-gru": partial(GruEncoder, mel=True),
    "mel-cnn": partial(CnnEncoder, mel=True),
    "stft-cnn": CnnEncoder,
}


def names() -> list[str]:
    """Names of all speech encoders, sorted.

    >>> {"se4lip", "mel-cnn"} <= set(names())
    True
    """
    return sorted({*BUILT_IN, *_plugged_in()})


def speech_encoder(name: str) -> nn.Module:
    """A new speech encoder with random weights. Raises OptionError for an unknown name or a plug-in that cannot be imported.

    >>> speech_encoder("hubrt")
    Traceback (most recent call last):
    speechlip.errors.OptionError: no encoder 'hubrt'; there are: mel-cnn, mel-gru, se4lip, stft-cnn, stft-gru, stft-gru-small
    """
    if name in BUILT_IN:
        return BUILT_IN[name]()
    if name not in _plugged_in():
        raise OptionError(f"no encoder {name!r}; there are: {', '.join(names())}")
    try:
        return _plugged_in()[name].load()()
    except (ImportError, AttributeError) as error:
        raise OptionError(f"encoder {name!r} cannot be imported from {_plugged_in()[name].value}: {error}") from error


def _plugged_in() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
