"""Whisper's encoder through transformers (extra ``[encoders]``), read at a layer of choice.

Whisper takes 30 s at a time: shorter speech is followed by silence, as it was trained, and the features of
the silence are dropped.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from speechlip.encoders.features.pretrained import chosen_layer
from speechlip.encoders.features.protocol import FeatureClock
from speechlip.encoders.features.seeded import RANDOM_WEIGHTS, seeded
from speechlip.errors import ModelError, OptionError, install
from speechlip.files.stamps import sha256_of
from speechlip.timing import SAMPLE_RATE

if TYPE_CHECKING:
    from transformers import WhisperConfig

SIZES = ("tiny", "base", "small", "medium", "large-v2", "large-v3")
DEFAULT_SIZE = "base"
SAMPLES_PER_FEATURE = 320
HEARS_S = 30


class WhisperLayer(nn.Module):
    """A layer of Whisper's encoder as a ``SpeechEncoder``: 50 Hz, the first centre at 0 ms.

    Mel frames and both convolutions are centred. layer: 0 is the convolutions' output without positions; 1 …
    N the transformer's layers, the last with the norm that follows it; None the last. Every layer depends on
    all 30 s: the mel's floor is set by its loudest moment.
    """

    clock = FeatureClock(rate_hz=50, centre_ms=0, past_ms=float("inf"), future_ms=float("inf"))

    def __init__(self, name: str, encoder: Any, weights: str, layer: int | None = None) -> None:
        from transformers import WhisperFeatureExtractor

        super().__init__()
        self.name, self.model, self.weights = name, encoder, weights
        self.layers, self.dim = encoder.config.encoder_layers, encoder.config.d_model
        self.layer = chosen_layer(name, layer, self.layers)
        self.mel = WhisperFeatureExtractor(feature_size=encoder.config.num_mel_bins)

    def encode(self, waveform: Tensor) -> Tensor:
        """(B, N) float32 in −1 … 1 at 16 kHz, up to 30 s → (B, ⌈N / 320⌉, D). Raises ModelError for more."""
        return self._read(self._mel(waveform))[:, : features_of(waveform)]

    def encode_layers(self, waveform: Tensor) -> Tensor:
        """The same of layers 0 … N in one pass: (B, N) → (B, ⌈N / 320⌉, N + 1, D)."""
        mel = self._mel(waveform)
        deeper = self.model(mel, output_hidden_states=True).hidden_states[1:]
        return torch.stack([self._columns(mel), *deeper], dim=2)[:, : features_of(waveform)]

    def _mel(self, waveform: Tensor) -> Tensor:
        n_samples = waveform.shape[1]
        if n_samples > HEARS_S * SAMPLE_RATE:
            raise ModelError(
                f"Whisper hears {HEARS_S} s at a time, {n_samples / SAMPLE_RATE:.1f} s came; use "
                "FromWaveform, which cuts"
            )
        mel = self.mel(
            list(waveform.cpu().numpy()), sampling_rate=SAMPLE_RATE, return_tensors="pt"
        ).input_features
        return mel.to(waveform.device)

    def _columns(self, mel: Tensor) -> Tensor:
        columns = nn.functional.gelu(self.model.conv2(nn.functional.gelu(self.model.conv1(mel))))
        return columns.transpose(1, 2)

    def _read(self, mel: Tensor) -> Tensor:
        if self.layer == 0:
            return self._columns(mel)
        if self.layer == self.layers:
            return self.model(mel).last_hidden_state
        return self.model(mel, output_hidden_states=True).hidden_states[self.layer]


def features_of(waveform: Tensor) -> int:
    """How many features cover (B, N) samples."""
    return -(-waveform.shape[1] // SAMPLES_PER_FEATURE)


def open_whisper(where: str, layer: int | None = None, random_init: bool = False) -> WhisperLayer:
    """Whisper by size (``tiny`` … ``large-v3``), folder, or Hub name with a slash.

    The folder has ``config.json`` and ``model.safetensors``. Only safetensors are read, what is on this
    machine first. random_init: seeded random weights; of a size or a folder, nothing is fetched. Raises
    ModelError where it cannot be had, OptionError for another size or without transformers.
    """
    try:
        import transformers  # noqa: F401
    except ImportError as error:
        raise OptionError(f"whisper needs transformers: {install('encoders')}") from error
    where = where or DEFAULT_SIZE
    called = f"whisper{'' if layer is None else f'@{layer}'}:{where}"
    if random_init:
        return WhisperLayer(
            f"random:{called}", seeded(lambda: random_encoder(where)).eval(), RANDOM_WEIGHTS, layer
        )
    model = load_whisper(where)
    return WhisperLayer(called, model.get_encoder().eval(), weights_of(where, model), layer)


def weights_of(where: str, model: Any) -> str:
    """SHA-256 of a folder's ``model.safetensors``; of the Hub, the commit, which names every file's hash."""
    file = Path(where) / "model.safetensors"
    return sha256_of(file) if file.is_file() else str(getattr(model.config, "_commit_hash", None) or "")


def random_encoder(where: str) -> Any:
    """Whisper's encoder of the size that ``where`` names, with torch's own initial weights."""
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    return WhisperEncoder(
        WhisperConfig.from_pretrained(where, local_files_only=True)
        if Path(where).is_dir()
        else size_config(where)
    )


def size_config(size: str) -> "WhisperConfig":
    """The encoder of a published size (Radford et al. 2022, table 1; large-v3 reads 128 mel bands)."""
    from transformers import WhisperConfig

    shapes = {
        "tiny": (384, 4, 6),
        "base": (512, 6, 8),
        "small": (768, 12, 12),
        "medium": (1024, 24, 16),
        "large": (1280, 32, 20),
    }
    width, layers, heads = shapes[known_size(size).partition("-")[0]]
    return WhisperConfig(
        d_model=width,
        encoder_layers=layers,
        encoder_attention_heads=heads,
        encoder_ffn_dim=4 * width,
        num_mel_bins=128 if size == "large-v3" else 80,
    )


def known_size(size: str) -> str:
    if size not in SIZES:
        raise OptionError(
            f"no Whisper {size!r}; there are: {', '.join(SIZES)}, a folder, or a Hub name such as "
            "openai/whisper-tiny"
        )
    return size


def load_whisper(where: str) -> Any:
    """The whole model: from this machine, else from the Hub.

    Raises ModelError where neither has it, or it holds no safetensors.
    """
    from transformers import WhisperModel

    folder = Path(where).is_dir()
    source = where if folder or "/" in where else f"openai/whisper-{known_size(where)}"
    safe: dict[str, Any] = {"use_safetensors": True, "dtype": torch.float32}
    try:
        return WhisperModel.from_pretrained(source, local_files_only=True, **safe)
    except (OSError, ValueError) as error:
        if folder:
            raise ModelError(
                f"{where} is no Whisper with safetensors ({first_line(error)}); save it with save_pretrained"
            ) from error
    try:
        return WhisperModel.from_pretrained(source, **safe)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{source} is not on this machine and could not be fetched from https://huggingface.co/{source} "
            f"({first_line(error)}); "
            "where there is no network, copy config.json and model.safetensors into a folder and give "
            "whisper:FOLDER"
        ) from error


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
