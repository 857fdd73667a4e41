"""SyncNet over one clip in one pass: face crops and speech → features for ``lse``.

Goal: the features behind LSE-C and LSE-D, from the official weights and no other file by accident, with
memory for one batch, not for the clip.
Conventions: crops are 224×224×3 uint8 BGR (as OpenCV reads them) at 25 fps; audio is (N,) int16 at 16 kHz
mono, in int16 scale. With L = min(frames, samples // 640) the clip has n = L − 5 windows (the published
count, one less than
fit): window ``i`` is frames i … i+4 and MFCC columns 4i … 4i+19.
Source: joonson/syncnet_python ``SyncNetInstance.evaluate``; MFCC: ``mfcc``.
Functions: load_syncnet, mfcc_columns, sync_features, overlapping.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from speechlip.assets import get
from speechlip.errors import ModelError
from speechlip.files.weights import read_tensors
from speechlip.metrics.declared import NotScored
from speechlip.metrics.sync import CROP_PX, mfcc
from speechlip.metrics.sync.syncnet_network import (
    FP32,
    MFCC_COLUMNS,
    WINDOW_FRAMES,
    SyncNet,
    official_shapes,
)
from speechlip.timing import SAMPLES_PER_FRAME, exact_div

COLUMNS_PER_FRAME = exact_div(SAMPLES_PER_FRAME, mfcc.STEP)
CPU_BATCH = 4
"""Windows at once on a CPU: the first layer's output (4.5 MB a window) then stays in its cache; 20 at once
are a third slower."""
GPU_BATCH = 32
AUDIO_BATCH = 64


def load_syncnet(path: Path | str, allow_unknown: bool = False, precision: str = FP32) -> SyncNet:
    """The network with the weights of ``syncnet_v2.model``, on the CPU; ``.to("cuda")`` moves it.

    allow_unknown: take another file of the same layers too; its ``.official`` is False.
    precision: ``fp32`` or ``bf16``, of the lips' convolutions.

    Raises ModelError for a file that is missing, is not the official one (both hashes are said), holds code,
    cannot be read, or has other layers than SyncNet.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}); wanted {get('syncnet_v2').file_name}"
        ) from error
    sha256 = hashlib.sha256(content).hexdigest()
    official = sha256 == get("syncnet_v2").sha256
    if not (official or allow_unknown):
        _refuse(path, len(content), sha256)
    state = read_tensors(path, "wanted are the weights of SyncNet", content, finite=True)
    _check_layers(path, state)
    return SyncNet(state, sha256, official, precision)


def mfcc_columns(audio: np.ndarray, first: int, count: int) -> np.ndarray:
    """Columns ``first … first + count − 1`` of the clip's MFCC: (N,) int16 → (13, count) float64.

    The others are not computed. The same numbers as ``mfcc.mfcc`` of the whole clip (up to its last column,
    which it pads with zeros).

    >>> tone = (8000 * np.sin(np.arange(16000) / 5)).astype(np.int16)
    >>> mfcc_columns(tone, 50, 2).shape, round(float(mfcc_columns(tone, 50, 1)[0, 0]), 2)
    ((13, 2), 19.34)
    """
    before = min(
        first, 1
    )  # pre-emphasis reads one sample back: compute the column before as well, and drop it
    begin = (first - before) * mfcc.STEP
    end = (first + count - 1) * mfcc.STEP + mfcc.WINDOW
    return mfcc.mfcc(audio[begin:end])[before : before + count].T


def sync_features(
    model: SyncNet, frames: Iterable[np.ndarray], audio: np.ndarray, batch_windows: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Lip and speech features of one clip, n = L − 5: twice (n, 1024) float32.

    frames: (224, 224, 3) uint8 BGR crops, read once, no further than the audio reaches
    audio: (N,) int16 at 16 kHz
    batch_windows: at most so many and 4 crops are held at a time; by default what is fast on the model's
    device Raises NotScored for a clip of fewer than 6 frames, ValueError for other shapes or types.
    """
    if audio.ndim != 1 or audio.dtype != np.int16:
        raise ValueError(
            "(N,) int16 samples at 16 kHz are wanted (the network reads their scale), "
            f"got {audio.shape} {audio.dtype}"
        )
    batch = batch_windows or (CPU_BATCH if model.device.type == "cpu" else GPU_BATCH)
    with_audio = itertools.islice(frames, len(audio) // SAMPLES_PER_FRAME)
    parts = [model.lip_features(crops) for crops in overlapping(with_audio, batch)]
    windows = sum(map(len, parts)) - 1
    if windows < 1:
        raise NotScored(
            "too short", f"{WINDOW_FRAMES + 1} frames (0.24 s) with audio are the least, there are fewer"
        )
    return np.concatenate(parts)[:windows], _audio_features(model, audio, windows)


def overlapping(frames: Iterable[np.ndarray], windows: int) -> Iterator[np.ndarray]:
    """Crops in runs (F, 224, 224, 3) that overlap by 4, so that no window is lost between runs.

    Each run holds ``windows`` whole windows of 5 crops, the last one fewer. Raises ValueError for other
    crops.

    >>> crops = np.zeros((11, 224, 224, 3), np.uint8)
    >>> [len(run) for run in overlapping(crops, 3)]
    [7, 7, 5]
    """
    held: list[np.ndarray] = []
    for frame in frames:
        if frame.shape != (CROP_PX, CROP_PX, 3) or frame.dtype != np.uint8:
            raise ValueError(f"(224, 224, 3) uint8 crops are wanted, got {frame.shape} {frame.dtype}")
        held.append(frame)
        if len(held) == windows + WINDOW_FRAMES - 1:
            yield np.stack(held)
            held = held[windows:]
    if len(held) >= WINDOW_FRAMES:
        yield np.stack(held)


def _audio_features(model: SyncNet, audio: np.ndarray, windows: int) -> np.ndarray:
    parts = []
    for first in range(0, windows, AUDIO_BATCH):
        count = min(AUDIO_BATCH, windows - first)
        columns = mfcc_columns(
            audio, COLUMNS_PER_FRAME * first, COLUMNS_PER_FRAME * (count - 1) + MFCC_COLUMNS
        )
        views = np.lib.stride_tricks.sliding_window_view(columns, MFCC_COLUMNS, axis=1)[
            :, ::COLUMNS_PER_FRAME
        ]
        parts.append(model.audio_features(views.transpose(1, 0, 2)))
    return np.concatenate(parts)


def _refuse(path: Path, size: int, sha256: str) -> None:
    wanted = get("syncnet_v2")
    raise ModelError(
        f"{path} is not the official {wanted.file_name}: {size} bytes with SHA-256 {sha256}, "
        f"wanted {wanted.bytes} bytes with SHA-256 {wanted.sha256} from {wanted.url}; "
        "scores of other weights compare with nothing published, allow them only on purpose"
    )


def _check_layers(path: Path, state: dict[str, torch.Tensor]) -> None:
    wanted = official_shapes()
    shapes = {
        name: tuple(value.shape) for name, value in state.items() if not name.endswith(".num_batches_tracked")
    }
    for name in sorted(wanted.keys() | shapes.keys()):
        if wanted.get(name) != shapes.get(name):
            raise ModelError(
                f"{path} is no SyncNet: {name} is {shapes.get(name, 'missing')}, "
                f"wanted {wanted.get(name, 'no such entry')}"
            )
