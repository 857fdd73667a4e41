"""A CTC phone model that the user gives: a folder of transformers' Wav2Vec2ForCTC, whose tokens are IPA."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.errors import ModelError, install
from speechlip.files.stamps import sha256_of
from speechlip.files.strict_json import strict_json
from speechlip.files.weights import read_tensors
from speechlip.libraries import there
from speechlip.timing import SAMPLE_RATE
from speechlip.workers.processes import alive

CONFIG, VOCABULARY, PREPROCESSOR = "config.json", "vocab.json", "preprocessor_config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""The first that is there is read; of the second only tensors, never code."""
STEP = 320
"""Samples between two frames."""
STEP_S = STEP / SAMPLE_RATE
HEARS = 400
"""Samples that a frame's features are computed from, before the transformer."""
WINDOW_S, CONTEXT_S = 20, 2
"""The network hears so much at a time, with so much more on each side."""
WANTED = (
    "wanted is a folder of transformers' Wav2Vec2ForCTC: config.json, vocab.json and model.safetensors, "
    "such as a download of facebook/wav2vec2-lv-60-espeak-cv-ft"
)


@dataclass(frozen=True)
class PhoneModel:
    """A phone model, opened.

    tokens: token → its number.
    blank: number of CTC's blank.
    normalises: whether audio is brought to mean 0 and deviation 1 before.
    sha256: of its weights.
    """

    network: Any = field(repr=False)
    tokens: dict[str, int] = field(repr=False)
    blank: int
    normalises: bool
    sha256: str

    def log_probs(self, samples: np.ndarray) -> np.ndarray:
        """(N,) int16, 16 kHz mono → (⌈N / 320⌉, C) float32 log-probabilities, one row each 20 ms.

        Audio is padded so that row t hears most of samples 320 t to 320 (t + 1).
        """
        import torch

        n_frames = -(-len(samples) // STEP)
        audio = samples.astype(np.float32) / 32768
        if self.normalises:
            audio = (audio - audio.mean()) / np.sqrt(audio.var() + 1e-7)
        edge = (HEARS - STEP) // 2
        audio = np.pad(audio, (edge, edge + STEP * n_frames - len(audio)))
        rows = []
        window, context = round(WINDOW_S / STEP_S), round(CONTEXT_S / STEP_S)
        for start in range(0, n_frames, window):
            alive()
            first, stop = max(0, start - context), min(n_frames, start + window + context)
            heard = torch.from_numpy(audio[STEP * first : STEP * stop + 2 * edge])[None]
            with torch.inference_mode():
                logits = self.network(heard).logits[0]
            own = logits[start - first : min(start + window, n_frames) - first]
            rows.append(own.float().log_softmax(-1).numpy())
        return np.concatenate(rows)


def open_phone_model(folder: Path) -> PhoneModel:
    """A phone model out of its folder; nothing is fetched, and no code of the folder runs.

    Raises ModelError for what is no such folder, or without transformers.
    """
    if not there("transformers"):
        raise ModelError(f"a phone model needs transformers: {install('encoders')}")
    said = read_part(folder, CONFIG)
    if said.get("model_type") != "wav2vec2":
        raise ModelError(f"{folder / CONFIG} says model_type {said.get('model_type')!r:.40}; {WANTED}")
    tokens = read_part(folder, VOCABULARY)
    if not tokens or not all(type(number) is int for number in tokens.values()):
        raise ModelError(f"{folder / VOCABULARY} must give each token a number; {WANTED}")
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise ModelError(f"{folder} has no {' or '.join(WEIGHTS)}; {WANTED}")
    network = load(folder, weights)
    config = network.config
    if config.inputs_to_logits_ratio != STEP:
        raise ModelError(
            f"{folder} has a frame each {config.inputs_to_logits_ratio} samples, wanted {STEP}, 20 ms"
        )
    if max(tokens.values()) >= config.vocab_size or not 0 <= (config.pad_token_id or 0) < config.vocab_size:
        raise ModelError(f"{folder}: {VOCABULARY} has numbers beyond the {config.vocab_size} of {CONFIG}")
    preprocessor = read_part(folder, PREPROCESSOR) if (folder / PREPROCESSOR).is_file() else {}
    normalises = bool(preprocessor.get("do_normalize", True))
    return PhoneModel(network, tokens, config.pad_token_id or 0, normalises, sha256_of(weights))


def read_part(folder: Path, name: str) -> dict[str, Any]:
    """An object out of a JSON file of the folder. Raises ModelError."""
    try:
        raw = strict_json((folder / name).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{folder / name} cannot be read ({error}); {WANTED}") from error
    if not isinstance(raw, dict):
        raise ModelError(f"{folder / name} holds no object; {WANTED}")
    return raw


def load(folder: Path, weights: Path) -> Any:
    """The network. Raises ModelError where its weights cannot be read, or are not all there."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC
    from transformers.utils import logging

    tensors = read_tensors(weights, WANTED)
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        network, said = Wav2Vec2ForCTC.from_pretrained(
            None,
            config=Wav2Vec2Config.from_pretrained(folder, local_files_only=True),
            state_dict=tensors,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # transformers raises what it meets
        why = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder} is no network ({why}); {WANTED}") from error
    finally:
        if shown:
            logging.enable_progress_bar()
    missing = sorted(name for name in said["missing_keys"] if "masked_spec_embed" not in name)
    if missing or said.get("mismatched_keys"):
        raise ModelError(
            f"{weights} lacks weights of {CONFIG}'s network, such as {[*missing, 'others'][0]}; {WANTED}"
        )
    return network.eval()
