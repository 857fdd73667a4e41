"""All layers of an encoder side by side: ``hubert@*``, for whoever learns how to mix them.

An encoder has layers where it has ``layers``, their number N without layer 0, and
``encode_layers(waveform)``: (B, N) float32 in −1 … 1 at 16 kHz → (B, T, N + 1, D).
"""

from typing import Any

from torch import Tensor

from speechlip.encoders.features.protocol import ClipFeatures
from speechlip.encoders.features.waveform import FromWaveform
from speechlip.errors import OptionError

MIX = "@*"
WITH_LAYERS = ("hubert", "hubert-large", "wav2vec2", "wav2vec2-large", "wavlm", "wavlm-large", "whisper")


class LayerStack:
    """Layers 0 … N of ``encoder`` as a ``SpeechEncoder`` whose features hold them one after another.

    (N + 1) · D numbers, the D of layer 0 first.
    """

    def __init__(self, features: FromWaveform, name: str) -> None:
        encoder: Any = features.encoder
        self.encoder = encoder
        untrained = features.name.startswith("random:") and not name.startswith("random:")
        self.name = f"random:{name}" if untrained else name
        layers: int = encoder.layers
        self.clock, self.stack = features.clock, layers + 1
        self.dim = self.stack * features.dim
        self.parameters, self.weights = features.parameters, features.weights
        self.hears_whole = features.hears_whole

    def encode(self, waveform: Tensor) -> Tensor:
        """(B, N) → (B, T, (N + 1) D)."""
        layers: Tensor = self.encoder.encode_layers(waveform)
        return layers.flatten(2)


def asks_mix(name: str) -> bool:
    """
    >>> asks_mix("hubert@*"), asks_mix("whisper@*:tiny"), asks_mix("hubert@9")
    (True, True, False)
    """
    return MIX in name


def without_mix(name: str) -> str:
    """
    >>> without_mix("random:whisper@*:tiny")
    'random:whisper:tiny'
    """
    return name.replace(MIX, "", 1)


def refuse_mix(name: str) -> None:
    """Raise OptionError for a mix of layers where nothing learns one."""
    if asks_mix(name):
        raise OptionError(
            f"encoder {name!r}: the weights of a mix are learned by score-encoder; "
            f"give one layer here, such as {name.replace(MIX, '@9', 1)}"
        )


def no_layers(name: str) -> OptionError:
    return OptionError(
        f"encoder {name!r}: {without_mix(name)} has no layers to mix; these have: {', '.join(WITH_LAYERS)}, "
        "and encoders of other packages that have encode_layers"
    )


def stacked(features: ClipFeatures, name: str, device: str) -> FromWaveform:
    """All layers of an encoder that is open. Raises OptionError for one that has none."""
    encoder: Any = features.encoder if isinstance(features, FromWaveform) else None
    if not isinstance(features, FromWaveform) or not callable(getattr(encoder, "encode_layers", None)):
        raise no_layers(name)
    return FromWaveform(LayerStack(features, name), device)
