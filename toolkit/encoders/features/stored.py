"""Features that another program wrote: one ``.npy`` file for each clip, or for each source.

``DIR/features.json`` says when the features are. A file is looked for as ``DIR/CLIP_KEY.npy``, then as
``DIR/SOURCE.npy`` with the source's extension or without; a source's features are cut at the clip's
``start_s``.
"""

import json
import math
from dataclasses import fields as fields_of
from pathlib import Path, PurePosixPath

import numpy as np

from speechlip.encoders.features.protocol import FeatureClock
from speechlip.encoders.features.waveform import SLACK_FRAMES, refuse_non_finite
from speechlip.errors import OptionError, ShardError
from speechlip.files.names import is_file
from speechlip.shards.read.decode import ClipSample
from speechlip.timing import FPS

DESCRIPTION = "features.json"
DEFAULTS = {"past_ms": math.inf, "future_ms": math.inf}
DEEPSPEECH_CLOCK = FeatureClock(rate_hz=50, centre_ms=12.5, past_ms=math.inf, future_ms=math.inf)
DEEPSPEECH_DIM = 29
OWN_STEPS = slice(8, 10)
"""Of the 16 steps around video frame t, 2 t − 8 … 2 t + 7, the two that are the frame's own."""


class StoredFeatures:
    """Features from files as ``ClipFeatures``.

    Of a sample only ``start_s``, ``source`` and ``n_frames`` are read. folder: of the ``.npy`` files, (T, D)
    of any number type, read without pickle. windows: files may also be (T, 16, 29) at 25 Hz, as AD-NeRF,
    ER-NeRF and Speech2Lip keep DeepSpeech's output; of each window the frame's own two steps are taken, which
    together are the 50-Hz sequence. dim is that of the first file; parameters is None, because nothing here
    can count them.
    """

    fields: tuple[str, ...] = ()
    parameters: int | None = None

    def __init__(self, folder: Path, name: str, clock: FeatureClock, windows: bool = False) -> None:
        self.folder, self.name, self.clock, self.windows = folder, name, clock, windows
        first = min(folder.rglob("*.npy"), default=None)
        if first is None:
            raise OptionError(
                f"{folder} holds no .npy file; write one for each clip (KEY.npy) or for each source"
            )
        self.dim = self._opened(first).shape[1]

    def of_clip(self, clip: ClipSample) -> np.ndarray:
        """(T, D) float32.

        Raises ShardError where there is no file for the clip, or it is damaged, too short, of another width
        or not finite.
        """
        path, start_s = self._file_of(clip)
        rows = self._opened(path)
        if rows.shape[1] != self.dim:
            raise ShardError(
                f"{path} has features of {rows.shape[1]} numbers, the folder's first file has {self.dim}; "
                "write them again"
            )
        self._refuse_other_length(path, clip, len(rows) / self.clock.rate_hz - start_s)
        cut = cut_rows(
            rows, start_s * self.clock.rate_hz, round(clip.meta.n_frames / FPS * self.clock.rate_hz)
        )
        refuse_non_finite(cut, path.name)
        return cut

    def _file_of(self, clip: ClipSample) -> tuple[Path, float]:
        """The clip's file, and where in it the clip begins, in seconds.

        Names come from the shards, so they may not lead out of the folder.
        """
        source = str(clip.meta.source or "")
        stem = str(PurePosixPath(source).with_suffix("")) if source else ""
        candidates = [(clip.key, 0.0), (stem, clip.meta.start_s), (source, clip.meta.start_s)]
        for name, start_s in candidates:
            path = PurePosixPath(f"{name}.npy")
            if name and not path.is_absolute() and ".." not in path.parts and is_file(self.folder / path):
                return self.folder / path, start_s
        raise ShardError(
            f"no features for clip {clip.key}: {self.folder} has neither {clip.key}.npy nor {stem}.npy; "
            "write one of them"
        )

    def _opened(self, path: Path) -> np.ndarray:
        """(T, D) of one file, mapped, not read. Raises ShardError where it is no such array."""
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise ShardError(
                f"{path} cannot be read as .npy ({error}); write it again with numpy.save, without objects"
            ) from error
        if self.windows and array.ndim == 3 and array.shape[1:] == (16, DEEPSPEECH_DIM):
            array = array[:, OWN_STEPS].reshape(-1, DEEPSPEECH_DIM)
        if array.ndim != 2 or array.dtype.kind not in "fiu" or not array.size:
            wanted = f"(T, 16, {DEEPSPEECH_DIM}) or (T, {DEEPSPEECH_DIM})" if self.windows else "(T, D)"
            raise ShardError(
                f"{path} has the shape {array.shape} and the type {array.dtype}, wanted numbers of shape "
                f"{wanted}"
            )
        return array

    def _refuse_other_length(self, path: Path, clip: ClipSample, has_s: float) -> None:
        """Refuse a clip's own file that is not as long as the clip, and a source's that ends before it."""
        wanted_s = clip.meta.n_frames / FPS
        slack_s = SLACK_FRAMES / FPS + 1 / self.clock.rate_hz
        if has_s < wanted_s - slack_s or (path.name == f"{clip.key}.npy" and has_s > wanted_s + slack_s):
            raise ShardError(
                f"{path} has {has_s:.2f} s of features at {self.clock.rate_hz:g} Hz for clip {clip.key}, "
                f"wanted {wanted_s:.2f} s; "
                "is the rate right, and is the file whole?"
            )


def cut_rows(rows: np.ndarray, first: float, length: int) -> np.ndarray:
    """Up to ``length`` rows from place ``first``, by straight lines where that lies between two rows.

    >>> cut_rows(np.array([[0.0], [2.0], [4.0]]), 0.5, 2).tolist()
    [[1.0], [3.0]]
    """
    begin, share = int(first + 1e-6), (first + 1e-6) % 1 - 1e-6
    taken = np.asarray(rows[begin : begin + length + 1], dtype=np.float32)
    if share < 1e-3:
        return taken[:length]
    return ((1 - share) * taken[:-1] + share * taken[1:]).astype(np.float32)


def open_stored(folder: Path) -> StoredFeatures:
    """``features:DIR``.

    Raises OptionError for no folder, no ``features.json``, or one that does not say what it must.
    """
    described = read_description(existing(folder) / DESCRIPTION)
    return StoredFeatures(folder, f"features:{folder}", described)


def open_deepspeech(folder: Path) -> StoredFeatures:
    """``deepspeech:DIR``: (T, 16, 29) windows at 25 Hz or (T, 29) steps at 50 Hz, of DeepSpeech 0.1.0.

    Its clock follows from its published front end (25 ms of speech every 20 ms) and its bidirectional
    network; it is not measured here.
    """
    return StoredFeatures(existing(folder), f"deepspeech:{folder}", DEEPSPEECH_CLOCK, windows=True)


def existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise OptionError(f"{folder} is no folder; give the one that holds the .npy files")
    return folder


def read_description(path: Path) -> FeatureClock:
    """``features.json``: rate_hz and centre_ms, and past_ms and future_ms where they are known."""
    names = [field.name for field in fields_of(FeatureClock)]
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OptionError(
            f'{path} cannot be read ({error}); write {{"rate_hz": 50, "centre_ms": 12.5}} with your values '
            "into it"
        ) from error
    if (
        not isinstance(content, dict)
        or set(content) - set(names)
        or set(names) - set(content) - set(DEFAULTS)
    ):
        came = ", ".join(sorted(content)) if isinstance(content, dict) else type(content).__name__
        raise OptionError(
            f"{path} has {came or 'nothing'}; wanted rate_hz and centre_ms, and if you like past_ms and "
            "future_ms"
        )
    values = DEFAULTS | content
    if (
        any(isinstance(value, bool) or not isinstance(value, int | float) for value in values.values())
        or not 0 < values["rate_hz"] < math.inf
    ):
        raise OptionError(f"{path}: all values are numbers, rate_hz above 0; it has {content}")
    return FeatureClock(**values)
