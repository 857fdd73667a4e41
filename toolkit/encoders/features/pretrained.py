"""HuBERT, wav2vec 2.0 and WavLM with the weights that torchaudio publishes, read at a layer of choice.

All have the same front end: seven convolutions, a feature every 320 samples from 400, so 50 Hz and the first
centre at 12.5 ms. In base models a group norm over the clip follows the first convolution, large ones scale
the waveform: every layer depends on all of the clip, through its loudness at least.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from speechlip import assets
from speechlip.encoders.features.protocol import FeatureClock
from speechlip.encoders.features.seeded import RANDOM_WEIGHTS, seeded
from speechlip.errors import ModelError, OptionError
from speechlip.files.stamps import sha256_of
from speechlip.files.weights import fill, read_tensors

WANTED = "give the file that torchaudio publishes, or remove it and fetch it again"
CLOCK = FeatureClock(rate_hz=50, centre_ms=12.5, past_ms=float("inf"), future_ms=float("inf"))


@dataclass(frozen=True)
class Pretrained:
    """One published model."""

    asset: str
    """Its weights."""
    build: Callable[[], nn.Module]
    """Makes the network."""
    scaled: bool
    """The waveform is brought to mean 0 and deviation 1 first."""
    layers: int
    """Of its transformer."""


def torchaudio_model(name: str) -> nn.Module:
    """What the function of that name in ``torchaudio.models`` makes."""
    import torchaudio

    made: nn.Module = getattr(torchaudio.models, name)()
    return made


PRETRAINED = {
    entry.asset: entry
    for entry in (
        Pretrained("hubert", partial(torchaudio_model, "hubert_base"), scaled=False, layers=12),
        Pretrained("hubert-large", partial(torchaudio_model, "hubert_large"), scaled=True, layers=24),
        Pretrained("wav2vec2", partial(torchaudio_model, "wav2vec2_base"), scaled=False, layers=12),
        Pretrained(
            "wav2vec2-large", partial(torchaudio_model, "wav2vec2_large_lv60k"), scaled=True, layers=24
        ),
        Pretrained("wavlm", partial(torchaudio_model, "wavlm_base"), scaled=False, layers=12),
        Pretrained("wavlm-large", partial(torchaudio_model, "wavlm_large"), scaled=True, layers=24),
    )
}


class TransformerLayer(nn.Module):
    """A layer of one of these models as a ``SpeechEncoder``.

    model: a ``torchaudio.models.Wav2Vec2Model``. scaled: as of ``Pretrained``. weights: SHA-256 of its file.
    layer: 0 is the convolutional front end, before positions and attention; 1 … N the transformer's layers;
    None the last. The last is the model's own output, with the norm that large models end in. Raises
    OptionError for another layer.
    """

    clock = CLOCK

    def __init__(self, name: str, model: Any, scaled: bool, weights: str, layer: int | None = None) -> None:
        super().__init__()
        self.name, self.model, self.scaled, self.weights = name, model, scaled, weights
        self.layers = len(model.encoder.transformer.layers)
        self.layer = chosen_layer(name, layer, self.layers)
        self.dim: int = model.encoder.feature_projection.projection.out_features

    def encode(self, waveform: Tensor) -> Tensor:
        """(B, N) float32 in −1 … 1 at 16 kHz → (B, T, D), T = (N − 400) // 320 + 1."""
        if self.scaled:
            waveform = nn.functional.layer_norm(waveform, waveform.shape[-1:])
        if self.layer == 0:
            columns, _ = self.model.feature_extractor(waveform, None)
            return self.model.encoder.feature_projection(columns)
        if self.layer == self.layers:
            return self.model(waveform)[0]
        return self.model.extract_features(waveform, num_layers=self.layer)[0][-1]

    def encode_layers(self, waveform: Tensor) -> Tensor:
        """The same of layers 0 … N in one pass: (B, N) → (B, T, N + 1, D)."""
        if self.scaled:
            waveform = nn.functional.layer_norm(waveform, waveform.shape[-1:])
        columns, _ = self.model.feature_extractor(waveform, None)
        front, transformer = self.model.encoder.feature_projection(columns), self.model.encoder.transformer
        *inner, last = transformer.get_intermediate_outputs(front)
        last = last if transformer.layer_norm_first else transformer.layer_norm(last)
        return torch.stack([front, *inner, last], dim=2)


def open_pretrained(
    name: str, layer: int | None = None, path: Path | None = None, random_init: bool = False
) -> TransformerLayer:
    """``PRETRAINED[name]`` read at ``layer``.

    Its weights come from ``path``, else from the model folder, into which they are fetched once. random_init:
    seeded random weights instead. Raises ModelError where weights are missing, cannot be fetched, or are not
    this network's.
    """
    entry = PRETRAINED[name]
    called = name if layer is None else f"{name}@{layer}"
    if random_init:
        return TransformerLayer(
            f"random:{called}", seeded(entry.build).eval(), entry.scaled, RANDOM_WEIGHTS, layer
        )
    file = local_file(path) if path else assets.fetch(entry.asset)
    model = seeded(entry.build).eval()
    fill(model, read_tensors(file, WANTED), file, WANTED)
    return TransformerLayer(called, model, entry.scaled, sha256_of(file), layer)


def chosen_layer(name: str, layer: int | None, layers: int) -> int:
    """``layer``, or the last. Raises OptionError where there is no such layer."""
    if layer is not None and not 0 <= layer <= layers:
        raise OptionError(f"{name!r}: there are layers 0 … {layers}, 0 before the transformer")
    return layers if layer is None else layer


def local_file(path: Path) -> Path:
    if not path.is_file():
        raise ModelError(
            f"{path} is no file; give the checkpoint that torchaudio publishes, or leave the path out to "
            "fetch it"
        )
    return path
