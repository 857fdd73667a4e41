"""What rendering hands on: one record a row, and all of them with what they rest on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1
RENDERED, FAILED = "rendered", "failed"


@dataclass(frozen=True)
class RenderRow:
    """One row.

    name: of its folder.
    encoder: as it was given; empty for a row that hears nothing.
    shuffled: driven by audio of other times.
    status: ``rendered`` or ``failed``.
    reason: why it failed, or which metrics are missing and why; else empty.
    values: column of ``score-sync`` → number.
    per_frame: column → number of the test frame, as text → its number.
    strength: λ of the ridge; None for a row that has none.
    train_psnr: dB, of crops that the renderer has learned from; None where it is not measured.
    """

    name: str
    encoder: str = ""
    shuffled: bool = False
    status: str = RENDERED
    reason: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    per_frame: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)
    strength: float | None = None
    train_psnr: float | None = None

    def frames(self, column: str) -> dict[int, float]:
        """Number of the test frame → its number; empty for a metric of the whole clip."""
        return {int(frame): value for frame, value in self.per_frame.get(column, {}).items()}


@dataclass(frozen=True)
class Renders:
    """What ``render_lips`` wrote.

    folder: with ``scores.csv``, ``scores.json``, ``index.html`` and one folder a row.
    person: name of the video.
    video: name of the file in every row's folder.
    split: whose.
    renderer: its name and options, as tables state them.
    train_frames, test_frames: that are learned from, and that are rendered.
    learned_frames: of the training part, those with a face.
    size: (width, height) of the videos, px.
    notes: sentences on what was left out, and warnings.
    rows: in the order of the table.
    mapping: by name.
    audio, pose: names of the files that drove lips and head; empty where the person's test part did.
    """

    folder: Path
    person: str
    video: str
    split: str
    renderer: Mapping[str, Any]
    train_frames: int
    learned_frames: int
    test_frames: int
    size: tuple[int, int]
    notes: tuple[str, ...]
    rows: tuple[RenderRow, ...]
    mapping: str = "similarity"
    audio: str = ""
    pose: str = ""

    @property
    def failed(self) -> tuple[RenderRow, ...]:
        """Rows that have a reason and no numbers."""
        return tuple(row for row in self.rows if row.status == FAILED)

    def row(self, name: str) -> RenderRow:
        """The row of that name. Raises KeyError."""
        by_name = {row.name: row for row in self.rows}
        return by_name[name]
