"""Whether a measured offset may be acted on: ``--fix-offset`` and ``--sync-correct`` move audio by decided
ones only.

A curve of distances always has a lowest point, also over noise; so an offset alone says nothing. It is
decided where the sync model is sure enough of it, and it does not lie at the edge of the search, beyond which
the true one may lie.
"""

import math
import re
from dataclasses import asdict, dataclass
from typing import Any

from speechlip.checks import check_types
from speechlip.errors import OptionError
from speechlip.metrics.sync.lse import MAX_SHIFT
from speechlip.records import UNDECIDED

IN_SYNC, EARLY, LATE = "in sync", "audio early", "audio late"
DISAGREE = f"{UNDECIDED}: its tracks disagree"
GREATEST_P = 0.05
LEAST_LSE_C = 3.0
"""SyncNet's, by which data sets are filtered (LatentSync's pipeline keeps clips from 3 on)."""


@dataclass(frozen=True)
class CorrectionRules:
    """Which offsets are decided. Raises OptionError for numbers that cannot be compared with.

    confidence: the least. None: what the sync model declares, and an interval of the confidence that is clear
        of 0; a number counts alone.
    least_frames, greatest_frames: offsets that are corrected, either side of 0. Scores of good clips scatter
        by one frame.
    """

    confidence: float | None = None
    least_frames: int = 2
    greatest_frames: int = MAX_SHIFT - 1

    def __post_init__(self) -> None:
        check_types(self)
        if self.confidence is not None and not math.isfinite(self.confidence):
            raise OptionError(
                f"--correct-confidence {self.confidence} is no number to compare with; "
                "write one such as 3 or 0.1"
            )
        if not 1 <= self.least_frames <= self.greatest_frames <= MAX_SHIFT:
            raise OptionError(
                f"cannot correct offsets of {self.least_frames} to {self.greatest_frames} frames; "
                f"the least and the greatest lie within 1-{MAX_SHIFT}, such as 2-14"
            )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


STATED = CorrectionRules()


def parse_frames(text: str) -> tuple[int, int]:
    """Read the offsets to correct, such as ``2-14``. Raises OptionError.

    >>> parse_frames("1-15")
    (1, 15)
    """
    match = re.fullmatch(r"\s*(\d+)\s*-\s*(\d+)\s*", text)
    least, greatest = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= least <= greatest <= MAX_SHIFT:
        raise OptionError(
            f"cannot read the frames {text!r}; write the least and the greatest offset to correct, "
            f"1-{MAX_SHIFT}, such as 2-14"
        )
    return least, greatest


def read_rules(confidence: float | None, frames: str) -> CorrectionRules:
    """The options --correct-confidence and --correct-frames. Raises OptionError."""
    return CorrectionRules(confidence, *parse_frames(frames))


def least_confidence_of(model: Any) -> float | None:
    """What a sync model declares as ``least_confidence``; None where it says nothing: then only the interval
    counts.
    """
    return getattr(model, "least_confidence", None)


def offset_verdict(
    offset_frames: int,
    confidence: float,
    ci_low: float | None,
    model_least: float | None,
    rules: CorrectionRules = STATED,
    p: float | None = None,
) -> str:
    """``in sync``, ``audio early``, ``audio late``, or ``undecided: `` and why.

    confidence: of the padded curve, in the model's units; ci_low: the lower end of the unpadded confidence,
    None or NaN where there is none; p: of a model that is judged by landmarks, in place of that interval.

    >>> offset_verdict(-13, 0.011, 0.0, 0.1)
    'undecided: confidence 0.011 is below 0.1'
    >>> [offset_verdict(offset, 5.0, 4.0, 3.0) for offset in (-15, 1, -4)]
    ['undecided: at the edge of the search, 15 frames', 'in sync', 'audio late']
    """
    if abs(offset_frames) > rules.greatest_frames:
        edge = abs(offset_frames) == MAX_SHIFT
        where = "at the edge of the search" if edge else "farther than what is corrected"
        return f"{UNDECIDED}: {where}, {abs(offset_frames)} frames"
    least = model_least if rules.confidence is None else rules.confidence
    if least is not None and confidence < least:
        return f"{UNDECIDED}: confidence {confidence:.3f} is below {least:g}"
    if p is not None:
        if rules.confidence is None and p > GREATEST_P:
            return f"{UNDECIDED}: p {p:.3f} against other audio is above {GREATEST_P:g}"
    elif rules.confidence is None and not (ci_low is not None and ci_low > 0):
        return f"{UNDECIDED}: the interval of the confidence reaches 0"
    return IN_SYNC if abs(offset_frames) < rules.least_frames else EARLY if offset_frames > 0 else LATE
