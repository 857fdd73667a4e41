"""Published architectures in miniature: the convolutions' kernels and strides are the true ones, everything
else is small.
"""

import torch
import torchaudio

from speechlip.encoders.features.seeded import seeded

FRONT_END = [(16, 10, 5), (16, 3, 2), (16, 3, 2), (16, 3, 2), (16, 3, 2), (16, 2, 2), (16, 2, 2)]
LAYERS, WIDTH = 3, 24


def tiny_transformer(norm: str = "group_norm", norm_first: bool = False) -> torch.nn.Module:
    """Like hubert_base; with layer_norm and norm_first=True like hubert_large."""
    return torchaudio.models.wav2vec2_model(
        extractor_mode=norm,
        extractor_conv_layer_config=FRONT_END,
        extractor_conv_bias=False,
        encoder_embed_dim=WIDTH,
        encoder_projection_dropout=0.1,
        encoder_pos_conv_kernel=8,
        encoder_pos_conv_groups=4,
        encoder_num_layers=LAYERS,
        encoder_num_heads=4,
        encoder_attention_dropout=0.1,
        encoder_ff_interm_features=32,
        encoder_ff_interm_dropout=0.0,
        encoder_dropout=0.1,
        encoder_layer_norm_first=norm_first,
        encoder_layer_drop=0.05,
        aux_num_out=None,
    )


def as_published(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A state dict with the names of the published files, which are older than torch's parametrizations."""
    return {
        name.replace("conv.parametrizations.weight.original0", "conv.weight_g").replace(
            "conv.parametrizations.weight.original1", "conv.weight_v"
        ): value
        for name, value in model.state_dict().items()
    }


def save_tiny_whisper(folder):
    """A Whisper of two layers as transformers saves it, at seeded weights."""
    from transformers import WhisperConfig, WhisperModel

    sizes = {
        "d_model": 16,
        "encoder_layers": 2,
        "decoder_layers": 1,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
    }
    feed_forward = {"encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    tokens = {
        "vocab_size": 8,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "decoder_start_token_id": 1,
    }
    model = seeded(
        lambda: WhisperModel(
            WhisperConfig(num_mel_bins=20, max_target_positions=8, **sizes, **feed_forward, **tokens)
        ),
        seed=5,
    )
    model.save_pretrained(folder)
    return model.eval()
