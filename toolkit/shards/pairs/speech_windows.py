"""Which speech goes with a window of lips: columns of the stored spectrogram, or samples of the waveform."""

from dataclasses import dataclass

import numpy as np

from speechlip.errors import OptionError, no_such
from speechlip.spectra import SPECTROGRAM_WIDTHS
from speechlip.timing import HOPS_PER_FRAME, SAMPLES_PER_FRAME

FORMS = {"spectrogram": "spectrogram", "waveform": "audio"}
"""Form → field of a ``ClipSample`` that it is cut from; a batch holds the windows under the form's name."""


@dataclass(frozen=True)
class SpeechWindows:
    """How windows of speech are cut. Raises OptionError for another form.

    form: ``spectrogram`` gives the 5 columns of each frame, (5 window, F) float16; ``waveform`` gives
        samples, (before + 640 window + after,) int16, with zeros beyond the clip.
    before, after: samples beside the window's own, for transforms that look there.
    grid: the window begins at the multiple of so many samples at or before its first frame, for columns whose
        hop does not divide 640.
    """

    form: str = "spectrogram"
    before: int = 0
    after: int = 0
    grid: int = 1

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise no_such("form of speech", self.form, FORMS)
        if min(self.before, self.after) < 0 or self.grid < 1:
            raise OptionError(
                f"before {self.before} and after {self.after} must be at least 0 samples, "
                f"grid {self.grid} at least 1"
            )

    @property
    def field(self) -> str:
        return FORMS[self.form]

    def n_frames(self, stored: np.ndarray) -> int:
        """Video frames of a clip's stored speech."""
        return len(stored) // (HOPS_PER_FRAME if self.form == "spectrogram" else SAMPLES_PER_FRAME)

    def n_bytes(self, window: int) -> int:
        """Of a window, at most.

        >>> SpeechWindows().n_bytes(5), SpeechWindows("waveform").n_bytes(5)
        (12850, 6400)
        """
        if self.form == "spectrogram":
            return HOPS_PER_FRAME * window * max(SPECTROGRAM_WIDTHS.values()) * np.dtype(np.float16).itemsize
        samples = self.before + SAMPLES_PER_FRAME * window + self.after
        return samples * np.dtype(np.int16).itemsize

    def cut(self, stored: np.ndarray, start: int, window: int) -> np.ndarray:
        """The speech of frames start … start + window − 1 of a clip, a copy; ``stored`` is the whole clip's
        ``field``.

        >>> windows = SpeechWindows("waveform", before=2, after=1)
        >>> windows.cut(np.ones(640, np.int16), start=0, window=1)[:3].tolist()
        [0, 0, 1]
        >>> windows = SpeechWindows("waveform", grid=200)
        >>> windows.cut(np.arange(3200), start=2, window=1)[0].item()  # 1280 is no multiple of 200
        1200
        """
        if self.form == "spectrogram":
            return stored[HOPS_PER_FRAME * start : HOPS_PER_FRAME * (start + window)].copy()
        first = SAMPLES_PER_FRAME * start // self.grid * self.grid - self.before
        end = first + self.before + SAMPLES_PER_FRAME * window + self.after
        return np.pad(stored[max(0, first) : end], (max(0, -first), max(0, end - len(stored))))


STFT_WINDOWS = SpeechWindows()
"""What is read where nothing else is asked for."""
