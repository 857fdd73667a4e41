"""What a judgement hands on, and ``judge.json``."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from speechlip.files.writing import write_text
from speechlip.judging.answers import Curve

FORMAT = 1
FILE = "judge.json"


@dataclass(frozen=True)
class Judged:
    """One metric, and all that it answered.

    metric: column of scores.csv.
    title, unit, arrow: as tables print them.
    needs: as it declares.
    digits: behind the point.
    words: a paragraph for people, made from the numbers.
    curves: of each harm, in the order of the table.
    """

    metric: str
    title: str
    unit: str
    arrow: str
    needs: tuple[str, ...]
    digits: int
    words: str
    curves: tuple[Curve, ...] = field(repr=False)


@dataclass(frozen=True)
class CopyValue:
    """A row of ``values.csv``: one metric of one copy; ``value`` is None where ``reason`` says why."""

    clip: str
    harm: str
    step: float
    metric: str
    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Foreign:
    """Whose audio stands in for a clip's own.

    told_by: what says that it is another speaker's: of ``name``, ``audio``, ``face``.
    audio_of: clip → the clip whose audio it is.
    problems: sentences on what could not be asked.
    """

    told_by: tuple[str, ...]
    audio_of: Mapping[str, str]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """Everything ``judge.json`` holds but ``values``, which are in values.csv.

    format: of the file, 1.
    speechlip: the version that judged.
    command: what was run, as it was typed.
    options: ``JudgeOptions`` as they were settled.
    sync_model: name, sha256, official, is_lse; None where none scored.
    versions: library → version.
    models: file name → SHA-256, of every model file that was read.
    clips: names of the clips.
    refused: clip → why it could not be read.
    missing_metrics: family of metrics → why no copy was scored by it.
    harms: name → title, unit, changes, harmless and steps of each.
    metrics: what each metric answered.
    values: of every copy.
    foreign: whose audio harm ``foreign`` takes; None where nobody asks.
    """

    speechlip: str
    command: str
    options: dict[str, Any]
    sync_model: dict[str, Any] | None
    versions: dict[str, str]
    clips: tuple[str, ...]
    refused: Mapping[str, str]
    missing_metrics: Mapping[str, str]
    harms: dict[str, dict[str, Any]]
    metrics: tuple[Judged, ...]
    values: tuple[CopyValue, ...] = field(default=(), repr=False)
    foreign: Foreign | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def as_dict(self) -> dict[str, Any]:
        """The content of ``judge.json``: plain values, ``format`` first."""
        content = asdict(self)
        del content["values"]
        return {"format": content.pop("format")} | content

    def dump(self, path: Path) -> None:
        """Write ``judge.json``. Raises WriteError."""
        write_text(path, json.dumps(self.as_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n")
