"""Silero VAD's 16 kHz network in numpy: audio → probability of speech, one for every 32 ms.

The weights are those that the package ``silero-vad`` (MIT) loads by default. Its TorchScript file is a zip
archive that stores every array plainly, so numpy reads them, and nothing is unpickled or run. The package is
not imported, since that sets torch's threads. Its safetensors file holds another, older training: speech in
0.5 of a clip where the default network has 0.2. Many chunks go through the convolutions at once, which takes
a quarter of the time of the package's own loop over chunks.
"""

import zipfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from speechlip.errors import OptionError

CHUNK = 512
"""Samples at 16 kHz of one probability."""
CONTEXT, REFLECTED = 64, 64
"""Samples before a chunk that the network sees with it, and of its end mirrored behind it."""
STFT_WINDOW, STFT_HOP, BINS = 256, 128, 129
CELLS = 128
FULL_SCALE = 32768
FILE = "silero_vad.jit"
ARRAYS: dict[str, tuple[int, ...]] = {
    "stft": (2 * BINS, STFT_WINDOW),
    "conv1": (128, 129, 3),
    "conv1_bias": (128,),
    "conv2": (64, 128, 3),
    "conv2_bias": (64,),
    "conv3": (64, 64, 3),
    "conv3_bias": (64,),
    "conv4": (128, 64, 3),
    "conv4_bias": (128,),
    "input": (4 * CELLS, CELLS),
    "recurrent": (4 * CELLS, CELLS),
    "input_bias": (4 * CELLS,),
    "recurrent_bias": (4 * CELLS,),
    "last": (CELLS,),
    "last_bias": (1,),
}
"""Shape of each array, in the order in which the archive numbers them from ``FIRST`` on."""
FIRST = 2
Weights = dict[str, np.ndarray]


class Silero:
    """The network with its memory, for one recording after its beginning."""

    def __init__(self) -> None:
        self._weights = weights()
        self._context: np.ndarray = np.zeros(CONTEXT, np.float32)
        self._hidden: np.ndarray = np.zeros(CELLS, np.float32)
        self._cell: np.ndarray = np.zeros(CELLS, np.float32)

    def probabilities(self, audio: np.ndarray) -> np.ndarray:
        """(n,) float32 in 0 … 1 for the next n chunks. audio: (512 n,) int16, 16 kHz."""
        if not len(audio):
            return np.zeros(0, np.float32)
        chunks = audio.reshape(-1, CHUNK).astype(np.float32) / FULL_SCALE
        before = np.concatenate([self._context[None], chunks[:-1, -CONTEXT:]])
        self._context = chunks[-1, -CONTEXT:]
        return self._recur(encoded(np.concatenate([before, chunks], axis=1), self._weights))

    def _recur(self, features: np.ndarray) -> np.ndarray:
        own = self._weights
        gates = features @ own["input"].T + own["input_bias"] + own["recurrent_bias"]
        recurrent = own["recurrent"].T
        hidden = np.empty((len(features), CELLS), np.float32)
        for number, given in enumerate(gates):
            gate = given + self._hidden @ recurrent
            keep, forget, out = (sigmoid(gate[at * CELLS : (at + 1) * CELLS]) for at in (0, 1, 3))
            self._cell = forget * self._cell + keep * np.tanh(gate[2 * CELLS : 3 * CELLS])
            hidden[number] = self._hidden = out * np.tanh(self._cell)
        return sigmoid(np.maximum(hidden, 0) @ own["last"] + own["last_bias"])


def encoded(seen: np.ndarray, own: Weights) -> np.ndarray:
    """(n, 576) samples, context first → (n, 128) features of the recurrent layer."""
    mirrored = np.concatenate([seen, seen[:, -2 : -2 - REFLECTED : -1]], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, STFT_WINDOW, axis=1)[:, ::STFT_HOP]
    both = windows @ own["stft"].T
    values = np.sqrt(both[..., :BINS] ** 2 + both[..., BINS:] ** 2)
    for layer, stride in (("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1)):
        values = convolved(values, own[layer], own[f"{layer}_bias"], stride)
    return values[:, 0]


def convolved(values: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """(n, T, C) → (n, ⌈T / stride⌉, O): a convolution over three columns, then ReLU. weight: (O, C, 3)."""
    padded = np.pad(values, ((0, 0), (1, 1), (0, 0)))
    taps = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)[:, ::stride]
    flat = taps.reshape(*taps.shape[:2], -1) @ weight.reshape(len(weight), -1).T
    return np.maximum(flat + bias, 0)


def sigmoid(values: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1 / (1 + np.exp(-values))
    return result


@lru_cache(1)
def weights() -> Weights:
    """The network's arrays by name. Raises OptionError where the package is not there as it should be."""
    package = find_spec("silero_vad")
    folders = package.submodule_search_locations if package else None
    if not folders:
        raise OptionError(
            "silero-vad, which hears where somebody speaks, is not installed: pip install silero-vad"
        )
    path = Path(folders[0]) / "data" / FILE
    try:
        with zipfile.ZipFile(path) as archive:
            places = {name.partition("/")[2]: name for name in archive.namelist()}
            return {
                name: np.frombuffer(archive.read(places[f"data/{number}"]), "<f4").reshape(shape)
                for number, (name, shape) in enumerate(ARRAYS.items(), FIRST)
            }
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise OptionError(
            f"{path} is not the network of silero-vad 6.2 ({error}); run pip install 'silero-vad==6.2.*'"
        ) from error
