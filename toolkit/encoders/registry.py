"""Encoders and speech networks by name; nothing is imported before one is opened.

``ENCODERS`` are frozen and compared (``speechlip.encoders.features.catalogue``), ``SPEECH_NETWORKS`` are
trained (``speechlip.encoders.networks.registry``).
"""

from speechlip.plugins import Registry

_FEATURES = "speechlip.encoders.features.catalogue"
_NETWORKS = "speechlip.encoders.networks.registry"

ENCODERS = Registry(
    "encoder",
    "speechlip.encoders",
    {
        "hubert": f"{_FEATURES}:pretrained",
        "hubert-large": f"{_FEATURES}:pretrained",
        "wav2vec2": f"{_FEATURES}:pretrained",
        "wav2vec2-large": f"{_FEATURES}:pretrained",
        "wavlm": f"{_FEATURES}:pretrained",
        "wavlm-large": f"{_FEATURES}:pretrained",
        "whisper": f"{_FEATURES}:whisper",
        "log-mel": f"{_FEATURES}:log_mel",
        "log-stft": f"{_FEATURES}:log_stft",
        "lips": f"{_FEATURES}:lips",
    },
)
SPEECH_NETWORKS = Registry(
    "encoder",
    "speechlip.speech_networks",
    {
        "se4lip": f"{_NETWORKS}:STFT_GRU",
        "stft-gru": f"{_NETWORKS}:STFT_GRU",
        "stft-gru-small": f"{_NETWORKS}:STFT_GRU_SMALL",
        "mel-gru": f"{_NETWORKS}:MEL_GRU",
        "mel-cnn": f"{_NETWORKS}:MEL_CNN",
        "mel-cnn-wav2lip": f"{_NETWORKS}:MEL_CNN_WAV2LIP",
        "stft-cnn": f"{_NETWORKS}:STFT_CNN",
        "pase": f"{_NETWORKS}:PASE",
    },
)
LEARN_FROM_PHONES = ("pase",)
"""Speech networks that learn from excerpts with phones; the others learn from windows."""
