"""Speech networks by name, to be trained: those of the ablation, and those that other packages add.

Another package adds one by an entry point in the group ``speechlip.speech_networks``. Its value is a callable
without arguments that returns a ``torch.nn.Module``, and that module turns a batch of speech windows into (B,
512) float32. What it is given is what it declares in an attribute ``reads``, a
``speechlip.shards.pairs.speech_windows.SpeechWindows``:

- no such attribute, or ``SpeechWindows()``: (B, 25, 257) float16, the STFT magnitude of the five frames;
- ``SpeechWindows("waveform", before=256, after=128)``: (B, 256 + 3200 + 128) int16 at 16 kHz, zeros beyond
  the clip.

An attribute ``spectrum`` that has ``fit`` is given the training speech before training, (1, T, 257) float16
or (1, N) int16. Encoders that are not trained here are another thing: ``protocol.SpeechEncoder``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from torch import nn

from speechlip.encoders.networks.lips import DIM
from speechlip.encoders.networks.pase.audio import AudioPath
from speechlip.encoders.networks.pase.sizes import size_of
from speechlip.encoders.networks.spectrum import FEATURES, MEL_FEATURES, Wav2LipMel, spectrum_of
from speechlip.encoders.networks.speech import POOLS, CnnEncoder, GruEncoder
from speechlip.encoders.registry import SPEECH_NETWORKS
from speechlip.errors import OptionError, no_such
from speechlip.shards.pairs.speech_windows import STFT_WINDOWS, SpeechWindows

OPTIONS = {"feature": FEATURES, "pool": POOLS}
"""What can be chosen of some network, each with all its values."""


@dataclass(frozen=True)
class Network:
    """A speech network and what can be chosen of it."""

    make: Callable[..., nn.Module]
    """Called with a value for each of ``options``."""
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What of ``OPTIONS`` it has, with its values, the first the default."""


def _gru(feature: str, pool: str, mel: bool = False, width: int = DIM) -> nn.Module:
    return GruEncoder(spectrum_of(feature, mel), pool, width)


def _cnn(feature: str, mel: bool = False) -> nn.Module:
    return CnnEncoder(spectrum_of(feature, mel))


def _audio_path(feature: str) -> nn.Module:
    return AudioPath(spectrum_of(feature, mel=False), size_of(""))


STFT_GRU = Network(_gru, OPTIONS)
STFT_GRU_SMALL = Network(partial(_gru, width=256), OPTIONS)
MEL_GRU = Network(partial(_gru, mel=True), {"feature": MEL_FEATURES, "pool": POOLS})
MEL_CNN = Network(partial(_cnn, mel=True), {"feature": MEL_FEATURES})
MEL_CNN_WAV2LIP = Network(lambda: CnnEncoder(Wav2LipMel()))
STFT_CNN = Network(_cnn, {"feature": FEATURES})
PASE = Network(_audio_path, {"feature": MEL_FEATURES})


def speech_network(name: str, **chosen: str) -> nn.Module:
    """A new speech network with random weights, by ``options_of(name, chosen)``.

    Raises OptionError as that does, and for a broken plug-in.

    >>> speech_network("stft-gur")
    Traceback (most recent call last):
    speechlip.errors.OptionError: no encoder 'stft-gur'; there are: se4lip, ...; did you mean stft-gru?
    """
    return _network(name).make(**options_of(name, chosen))


def options_of(name: str, chosen: Mapping[str, str]) -> dict[str, str]:
    """The options that a network has, with what was chosen or its default; an empty choice is none.

    Raises OptionError for an unknown network, for an option that it does not have, and for a value that it
    cannot take.

    >>> options_of("mel-cnn", {"feature": "", "pool": ""}), options_of("mel-gru", {"pool": "mean"})
    ({'feature': 'logmag'}, {'feature': 'logmag', 'pool': 'mean'})
    """
    own = _network(name).options
    for option, value in chosen.items():
        if value and value not in OPTIONS[option]:
            raise no_such(option, value, OPTIONS[option])
        if value and option not in own:
            others = [other for other in SPEECH_NETWORKS.built_in if option in _network(other).options]
            raise OptionError(
                f"encoder {name!r} has no choice of {option}; leave it out, or take one of: "
                f"{', '.join(others)}"
            )
        if value and value not in own[option]:
            raise OptionError(
                f"encoder {name!r} cannot have {option} {value!r}; it has: {', '.join(own[option])}"
            )
    return {option: chosen.get(option) or values[0] for option, values in own.items()}


def windows_of(network: nn.Module) -> SpeechWindows:
    """Which speech a network reads."""
    reads = getattr(network, "reads", STFT_WINDOWS)
    if not isinstance(reads, SpeechWindows):
        raise OptionError(
            f"{type(network).__name__}.reads is {reads!r}; it must be a "
            "speechlip.shards.pairs.speech_windows.SpeechWindows"
        )
    return reads


def _network(name: str) -> Network:
    if name in SPEECH_NETWORKS.built_in or name not in SPEECH_NETWORKS:
        return SPEECH_NETWORKS.get(name)
    return Network(partial(_made_elsewhere, name))


def _made_elsewhere(name: str) -> nn.Module:
    make = SPEECH_NETWORKS.get(name)
    with SPEECH_NETWORKS.guard(name):
        network = make()
    if not isinstance(network, nn.Module):
        raise OptionError(f"encoder {name!r} gave {type(network).__name__}, wanted a torch.nn.Module")
    return network
