"""What every score is: name, unit, which way is better, formula id. Reports read this table; nothing is said twice.

Goal: a number never travels without its label. Conventions: ``name`` is the column of ``scores.csv``; ``formula`` is the id of a section of
docs/protocols.md and says how the number comes out of arrays; how the arrays came out of a file is the other id beside every score, the
protocol (``PROTOCOLS``).
"""

import math
from dataclasses import dataclass

from speechlip.errors import OptionError, SpeechLipError

PROTOCOLS = {
    "direct": "no lossy hop, tracks of at least 50 frames, mean of the tracks",
    "wav2lip": "as Wav2Lip's evaluation publishes it, MP3-in-AVI delay included, tracks of more than 100 frames after the hop",
    "latentsync": "as LatentSync evaluates, MP4/AAC path, tracks of more than 50 frames after the hop, mean of the tracks",
    "lrs": "as calculate_scores_LRS.py behind the published LRS2, LRS3 and LRW numbers: pictures of any size resized to 224×224, every source frame, no crop",
    "precropped": "files that are 224×224 crops already: no detection, no crop",
}


class NotScored(SpeechLipError):
    """A number that cannot be computed: ``reason`` is a short stable phrase that is counted, ``detail`` the sentence for a person."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason + (f": {detail}" if detail else ""))
        self.reason, self.detail = reason, detail

    def __reduce__(self) -> tuple:
        return type(self), (self.reason, self.detail)


@dataclass(frozen=True)
class Metric:
    """One number per clip. higher_is_better: None where neither way is (an offset). needs: ``audio``, ``reference``, ``landmarks``.

    lowest, highest: between which it lies. digits: behind the point, wherever it is printed.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool | None
    formula: str
    needs: tuple[str, ...]
    lowest: float = 0.0
    highest: float = math.inf
    digits: int = 3

    @property
    def arrow(self) -> str:
        """The sign that tables put beside the title: ↑ higher is better, ↓ lower is better, nothing for neither."""
        return {True: "↑", False: "↓", None: ""}[self.higher_is_better]


METRICS = {
    metric.name: metric
    for metric in (
        Metric("lse_c", "LSE-C", "distance", True, "syncnet-padded", ("audio",)),
        Metric("lse_d", "LSE-D", "distance", False, "syncnet-padded", ("audio",)),
        Metric("offset_frames", "offset", "frames", None, "syncnet-padded", ("audio",), -math.inf, digits=0),
        Metric("offset_ms", "offset", "ms", None, "syncnet-padded", ("audio",), -math.inf, digits=0),
        Metric("lse_c_unpadded", "LSE-C unpadded", "distance", True, "syncnet-valid", ("audio",)),
        Metric("lse_d_unpadded", "LSE-D unpadded", "distance", False, "syncnet-valid", ("audio",)),
        Metric("lmd", "LMD", "px", False, "lmd-nerf", ("reference", "landmarks")),
        Metric(
            "lmd_iod", "LMD / eye distance", "ratio", False, "lmd-iod", ("reference", "landmarks"), digits=4
        ),
        Metric("lmd_atvgnet", "LMD, summed", "px", False, "lmd-atvgnet", ("reference", "landmarks")),
        Metric("psnr", "PSNR", "dB", True, "psnr-rgb", ("reference",), highest=100.0, digits=2),
        Metric("ssim", "SSIM", "ratio", True, "ssim-skimage", ("reference",), -1.0, 1.0, digits=4),
        Metric("lpips", "LPIPS", "distance", False, "lpips-alex-0.1", ("reference",), digits=4),
        Metric("cpbd", "CPBD", "ratio", True, "cpbd-2011", (), highest=1.0),
    )
}


WHOLE = ("windows",)
"""Columns beside the metrics that count something."""


def digits_of(column: str) -> int:
    """Digits behind the point of a column of ``scores.csv``, wherever it is printed.

    >>> digits_of("psnr"), digits_of("windows"), digits_of("sync_confidence")
    (2, 0, 3)
    """
    return METRICS[column].digits if column in METRICS else 0 if column in WHOLE else 3


def mean_digits_of(column: str) -> int:
    """The same of a mean over clips: no fewer than two, also of frames and windows."""
    return max(2, digits_of(column))


def get(name: str) -> Metric:
    """The metric called ``name``. Raises OptionError that lists the known ones.

    >>> get("lse_d").unit, get("lse_d").arrow, get("psnr").higher_is_better
    ('distance', '↓', True)
    >>> len(METRICS)
    13
    """
    if name not in METRICS:
        raise OptionError(f"no metric {name!r}; there are: {', '.join(METRICS)}")
    return METRICS[name]
