"""What a training run left: a pair of encoders with weights, read without running any code, and applied to whole clips.

A run folder (docs/training.md) holds ``step-NNNNNNNN/`` with ``model.safetensors`` and ``checkpoint.json``; the last step counts.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from speechlip.encoders.networks.pair import SpeechLipPair, build_pair
from speechlip.errors import ModelError, ShardError
from speechlip.faces.crops import PRESETS
from speechlip.metrics.declared import NotScored
from speechlip.records import FaceTrack
from speechlip.remote.mirror import run_at
from speechlip.shards.pairs.rules import WINDOW
from speechlip.spectra import spectrogram
from speechlip.timing import SAMPLES_PER_FRAME

FORMAT = 1
WEIGHTS, FACTS = "model.safetensors", "checkpoint.json"
FACT_TYPES = {"step": int, "sha256": str, "crop": str, "options": dict, "shards": dict, "data": dict}
"""What a checkpoint must say of itself, whoever it comes from."""
BATCH_WINDOWS = 32
CROP_SHAPE = (96, 96, 3)
LEAST_OF_RUNS = 0.1
"""Runs of train-encoder, whose rows have length 1: foreign speech, noise and music reached 0.15 in 3 to 12 s, with an interval down to 0
(docs/decisions/offsets-that-may-be-acted-on.md)."""


class TrainedPair:
    """A trained pair of encoders as a sync model (``scoring.sync.SyncModel``): clips in, rows of unit length out.

    name: the run's folder and encoder. sha256: of the weights. step: at which they were saved. crop: preset of the crops it was trained on.
    """

    official, is_lse, window_frames, least_confidence = False, False, WINDOW, LEAST_OF_RUNS

    def __init__(
        self, pair: SpeechLipPair, name: str, sha256: str, step: int, crop: str, device: str = "cpu"
    ) -> None:
        self.pair, self.name, self.sha256, self.step, self.crop, self.device = (
            pair.to(device).eval(),
            name,
            sha256,
            step,
            crop,
            device,
        )

    def features(self, frames: Iterable[np.ndarray], audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings of every window of a clip: 512 numbers of length 1, and a 1.

        frames: (96, 96, 3) uint8 RGB crops, read once; audio: (N,) int16 at 16 kHz. Returns (T, 513), (T, 513) float32. Row i is frames
        i … i + 4, so that T is four less than the frames that have both picture and sound. Distances between rows grow as cosines fall.
        Raises NotScored for fewer than 5 frames.
        """
        parts = [
            self.lip_features(windows) for windows in batches(islice(frames, len(audio) // SAMPLES_PER_FRAME))
        ]
        if not parts:
            raise NotScored("too short", f"the clip gives no window of {WINDOW} frames")
        lips = np.concatenate(parts)
        return lips, self.speech_features(audio[: (len(lips) + WINDOW - 1) * SAMPLES_PER_FRAME])

    def lip_features(self, windows: Tensor) -> np.ndarray:
        """(N, 5, 96, 96, 3) uint8 → (N, 513) float32, as ``features`` gives them."""
        return of_unit_length(self._embed(self.pair.embed_lips, windows))

    def speech_features(self, audio: np.ndarray) -> np.ndarray:
        """(640 L,) int16 at 16 kHz → (L − 4, 513) float32, row i of frames i … i + 4. Windows are cut of the whole clip, as from shards."""
        return of_unit_length(self._embed_clip(audio))

    def speech_embeddings(self, audio: np.ndarray) -> np.ndarray:
        """One embedding of speech for each frame: (N,) int16 at 16 kHz → (T, 512) float32, T = N // 640, as the loss compares them but not of length 1.

        Row t is of frames t − 2 … t + 2; the first and the last two rows repeat the one beside them, as SyncTalk's features do.
        Raises ShardError for fewer than 5 frames.
        """
        n_frames = len(audio) // SAMPLES_PER_FRAME
        if n_frames < WINDOW:
            raise ShardError(
                f"{n_frames} frames of speech came; a window of {WINDOW} is wanted, leave such short clips out"
            )
        rows = self._embed_clip(audio[: n_frames * SAMPLES_PER_FRAME])
        return np.pad(rows, ((WINDOW // 2, WINDOW // 2), (0, 0)), mode="edge")

    def cropper(self, track: FaceTrack | None) -> Callable[[np.ndarray, int], np.ndarray]:
        """How to cut its crops: ``cropper(track)(picture, frame)``; None: pictures are crops already, and NotScored where they are not 96×96."""
        if track is None:
            return checked_crop
        from speechlip.faces.crops import cut, plan_crop

        affines = plan_crop(track, self.crop).affines
        return lambda picture, frame: cut(picture, affines[frame])

    def _embed_clip(self, audio: np.ndarray) -> np.ndarray:
        """(640 L,) int16 → (L − 4, 512) float32 of frames i … i + 4."""
        reads = self.pair.reads
        clip = audio if reads.form == "waveform" else spectrogram(audio)
        starts = range(len(audio) // SAMPLES_PER_FRAME - WINDOW + 1)
        parts = [starts[first : first + BATCH_WINDOWS] for first in range(0, len(starts), BATCH_WINDOWS)]
        windows = (
            torch.from_numpy(np.stack([reads.cut(clip, start, WINDOW) for start in part])) for part in parts
        )
        return np.concatenate([self._embed(self.pair.embed_speech, part) for part in windows])

    @torch.inference_mode()
    def _embed(self, encoder: Callable[[Tensor], Tensor], windows: Tensor) -> np.ndarray:
        return encoder(windows.to(self.device)).float().cpu().numpy()


def of_unit_length(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1, and a 1 behind each: distances among rows stay, and the zero rows that pad the published curve come to lie at √2, as
    unrelated speech does.

    >>> of_unit_length(np.array([[3.0, 4.0]])).tolist()
    [[0.6, 0.8, 1.0]]
    """
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.concatenate(
        [rows / np.maximum(lengths, np.finfo(rows.dtype).tiny), np.ones((len(rows), 1), rows.dtype)], axis=1
    )


def batches(frames: Iterable[np.ndarray]) -> Iterator[Tensor]:
    """Windows of five neighbouring crops, one frame apart: (96, 96, 3) each → (up to 32, 5, 96, 96, 3) uint8."""
    frames = iter(frames)
    held = list(islice(frames, WINDOW - 1))
    while more := list(islice(frames, BATCH_WINDOWS)):
        held += more
        yield torch.from_numpy(np.stack(held)).unfold(0, WINDOW, 1).permute(0, 4, 1, 2, 3)
        held = held[1 - WINDOW :]


def checked_crop(picture: np.ndarray, frame: int) -> np.ndarray:
    """The picture as it is. Raises NotScored where it is not 96×96."""
    if picture.shape != CROP_SHAPE:
        height, width = picture.shape[:2]
        raise NotScored(
            "not 96×96",
            f"mouth crops of 96×96 are wanted, this is {width}×{height}; score the whole video with a face detector",
        )
    return picture


def load_run(path: Path | str, device: str = "cpu") -> TrainedPair:
    """The encoders of a run at its last checkpoint, or of ``hf://user/name[@revision]``, which is fetched once.

    Raises ModelError for what is no run, is damaged, or was saved by another release, HubError for what cannot be reached.
    """
    path = run_at(path)
    folder = last_checkpoint(path)
    facts = read_facts(folder)
    content = read_weights(folder, facts)
    options = facts["options"]
    if type(facts.get("rectified")) is not bool:
        raise ModelError(f"{folder / FACTS} lacks or garbles rectified; restore it, or train again")
    if facts["crop"] not in PRESETS:
        raise ModelError(f"{folder / FACTS} says crops {facts['crop']!r}; there are: {', '.join(PRESETS)}")
    network = {name: options.get(name, "") for name in ("feature", "pool")}
    pair = build_pair(options["encoder"], options["lip_input"], facts["rectified"], **network)
    load_weights(pair, content, "pair.", folder)
    return TrainedPair(
        pair, f"{path.name} ({options['encoder']})", facts["sha256"], facts["step"], facts["crop"], device
    )


def checkpoints(run: Path) -> list[Path]:
    """The whole checkpoint folders of a run, the newest last; what was being written when a run was killed is none."""
    return sorted(path for path in run.glob("step-*") if (path / FACTS).is_file() and path.suffix != ".part")


def last_checkpoint(run: Path) -> Path:
    """The newest whole checkpoint folder of a run. Raises ModelError where there is none."""
    found = checkpoints(run)
    if not found:
        raise ModelError(
            f"{run} holds no checkpoint; give a run of train-encoder that has saved one (one that has not: begin it again without --resume)"
        )
    return found[-1]


def read_facts(folder: Path) -> dict[str, Any]:
    """``checkpoint.json``. Raises ModelError where it is not JSON, of another format, or lacks or garbles what ``FACT_TYPES`` names."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise ModelError(
            f"{folder / FACTS} cannot be read ({str(error) or type(error).__name__}); restore it, or train again"
        ) from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise ModelError(
            f"{folder} is no checkpoint of format {FORMAT}, which this speechlip reads; train again, or use the release that wrote it"
        )
    texts = (
        {name: facts["options"].get(name, "") for name in ("encoder", "lip_input", "feature", "pool")}
        if _is_dict(facts, "options")
        else {}
    )
    wrong = [name for name, wanted in FACT_TYPES.items() if type(facts.get(name)) is not wanted]
    wrong += [f"options.{name}" for name, value in texts.items() if not isinstance(value, str)]
    if wrong or facts["step"] < 0:
        raise ModelError(
            f"{folder / FACTS} lacks or garbles {', '.join(wrong) or 'step'}; restore it, or train again"
        )
    return facts


def _is_dict(facts: dict[str, Any], name: str) -> bool:
    return isinstance(facts.get(name), dict)


def read_weights(folder: Path, facts: dict[str, Any]) -> dict[str, Tensor]:
    """All tensors of ``model.safetensors``, a format that cannot hold code. Raises ModelError where it is not the file that was saved."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = folder / WEIGHTS
    try:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != facts["sha256"]:
            raise ModelError(
                f"{path} is not the file that {FACTS} beside it names (SHA-256); restore it, or train again"
            )
        return load(data)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be read ({error}); restore it, or train again") from error


def load_weights(module: torch.nn.Module, tensors: dict[str, Tensor], prefix: str, folder: Path) -> None:
    """Give ``module`` the tensors whose names begin with ``prefix``. Raises ModelError where they are those of another network, or not finite."""
    own = {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    try:
        module.load_state_dict(own)
    except RuntimeError as error:
        raise ModelError(
            f"the weights in {folder} are those of another network: {str(error).splitlines()[1].strip()}"
        ) from error
    broken = [name for name, tensor in module.state_dict().items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        raise ModelError(
            f"the weights in {folder} are not all finite ({broken[0]}, {len(broken)} in all); restore them, or train again"
        )
