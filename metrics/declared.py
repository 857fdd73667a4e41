"""What a metric declares about itself, and how a number that cannot be computed says why.

Goal: a number never travels without its label. Everything that scoring knows of a metric stands in its
``Metric``: options, columns of ``scores.csv``, tables and reports are made from it.
Conventions: ``name`` is the column of ``scores.csv``; ``formula`` is the id of a section of docs/protocols.md
and says how the number comes out of arrays. How the arrays came out of a file is the other id beside every
score, the protocol (``scoring.protocols``). Which metrics there are: ``metrics.table``.
Classes: Metric, Network, Batches, NotScored. Function: with_real.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speechlip.errors import OptionError, SpeechLipError

NEEDS = (
    "audio",
    "reference",
    "landmarks",
    "network",
    "speech",
    "phones",
    "mesh",
    "blendshapes",
    "size",
    "identity",
)
OF_LANDMARKS = ("landmarks", "reference", "size", "audio", "speech", "phones")
"""What a metric per clip that needs landmarks is given, in this order, of what it needs."""
IN_PLACE_OF_LANDMARKS = ("mesh", "blendshapes", "identity")
"""Named beside ``landmarks``, they are what the metric is given in their place."""
FRAME_PAIR, FRAME, FRAMES, CLIP = "frame pair", "frame", "three frames", "clip"
PER = (FRAME_PAIR, FRAME, FRAMES, CLIP)


class NotScored(SpeechLipError):
    """A number that cannot be computed.

    reason: short stable phrase, which is counted
    detail: sentence for a person
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason + (f": {detail}" if detail else ""))
        self.reason, self.detail = reason, detail

    def __reduce__(self) -> tuple:
        return type(self), (self.reason, self.detail)


@dataclass(frozen=True)
class Network:
    """A network that a metric computes with, opened once per process.

    weights: returns its file or files, or raises ModelError that says how to get it
    open: device (``cpu``, ``cuda``) → the network, which ``Metric.compute`` takes first
    missing: reason of ``NotScored`` where there is no file (``no AlexNet weights``)
    given: options of ``ScoreOptions`` that name files of the user's own; ``weights`` takes their values, and
        ``open`` takes them behind the device
    """

    weights: Callable[..., Path | tuple[Path, ...]]
    open: Callable[..., Any]
    missing: str
    given: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batches:
    """Several frames at once, for a metric that computes them faster together.

    compute: as ``Metric.compute``, of lists of images of one size; returns a number for each frame
    pixels: the most that the frames of a list have together, H · W each; a larger frame comes alone
    """

    compute: Callable[..., Any]
    pixels: int


@dataclass(frozen=True)
class Metric:
    """One number per clip: what its column of ``scores.csv`` holds, and how it is computed.

    name: the column; small letters, digits and ``_``
    title: what tables and reports call it
    unit: ``dB``, ``px``, ``frames``, ``ms``; ``ratio`` and ``distance`` have none to print
    higher_is_better: None where neither way is (an offset)
    formula: id of a section of docs/protocols.md, or of the package that adds the metric
    needs: of ``audio``, ``reference``, ``landmarks``, ``network``, ``speech``, ``phones``, ``mesh``,
        ``blendshapes``, ``size``, ``identity``
    per: ``frame pair``, ``frame``, ``three frames`` or ``clip``: what ``compute`` gets, and what the clip's
        value is a mean of
    compute: returns one number; may raise NotScored. With a network, that comes first; then,
        per frame pair: render and reference, each (H, W, 3) uint8 RGB of one size;
        per frame: the render's image; per three frames: three of the render's on end, of one size;
        per clip with landmarks, of ``OF_LANDMARKS`` what it needs: landmarks of the render and of the
        reference, (T, 68, 2) px of the render's frame, NaN in frames without a face; audio, (640 T,) int16 at
        16 kHz; in which frames somebody speaks, (T,) bool; a tuple of ``Phone``. Where ``mesh``,
        ``blendshapes`` or ``identity`` is needed as well, it stands in place of landmarks, of the reference
        too: (T, 478, 2) px of its own frame, (T, 52), (T, 128). ``size``: (2,), width and height of the
        frame;
        per clip with audio alone: the clip's ``scoring.sync.models.SyncMeans``
    network: where ``needs`` has it for another model than the sync model
    batches: how several frames are computed at once; None: one after another, by ``compute``
    family: what ``--metrics`` calls it; by default its name
    lowest, highest: limits of its values, which limit the intervals of means too
    digits: behind the point, wherever it is printed
    in_table: whether the terminal's table has it
    beside: says how sure another column is: shown with the clip, not sorted by
    of_real: computed of the reference in place of the render, for comparison (``with_real``)
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool | None
    formula: str
    needs: tuple[str, ...]
    per: str
    compute: Callable[..., Any]
    network: Network | None = None
    batches: Batches | None = None
    family: str = ""
    lowest: float = 0.0
    highest: float = math.inf
    digits: int = 3
    in_table: bool = True
    beside: bool = False
    of_real: bool = False

    def __post_init__(self) -> None:
        """Raise OptionError for a declaration that scoring could not follow."""
        object.__setattr__(self, "family", self.family or self.name)
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise OptionError(
                f"metric name {self.name!r} is no column; take small letters, digits and _, a letter first"
            )
        if self.per not in PER or (unknown := {*self.needs} - {*NEEDS}):
            got = f"per {self.per!r}" if self.per not in PER else f"needs {', '.join(sorted(unknown))}"
            raise OptionError(
                f"metric {self.name} {got}; per is one of {', '.join(PER)}; needs are of {', '.join(NEEDS)}"
            )
        if self.batches and self.per in (FRAMES, CLIP):
            raise OptionError(
                f"metric {self.name} per {self.per} has batches; they are of single frames, leave them out"
            )
        if self.per == FRAME_PAIR and not self.needs_reference:
            raise OptionError(f"metric {self.name} per frame pair needs 'reference'; declare it in needs")

    @property
    def needs_reference(self) -> bool:
        return "reference" in self.needs

    @property
    def arrow(self) -> str:
        """What tables put beside the title: ↑ higher is better, ↓ lower is better, nothing for neither."""
        return {True: "↑", False: "↓", None: ""}[self.higher_is_better]

    @property
    def mean_digits(self) -> int:
        """Digits of a mean over clips: no fewer than two, also of frames and windows."""
        return max(2, self.digits)


def with_real(metric: Metric) -> tuple[Metric, Metric]:
    """A metric of landmarks that needs no reference, and the same of the real video: column ``NAME_real``."""
    real = replace(
        metric,
        name=f"{metric.name}_real",
        title=f"{metric.title}, real video",
        higher_is_better=None,
        in_table=False,
        beside=True,
        of_real=True,
    )
    return metric, real
