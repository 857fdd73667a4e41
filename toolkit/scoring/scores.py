"""``scores.json``: what a scoring run found, and by what."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from speechlip.errors import OptionError
from speechlip.files.writing import write_text
from speechlip.metrics.statistics.aggregate import Aggregate
from speechlip.scoring.opinions import Agreement
from speechlip.scoring.records import ClipDetail, ScoreRow, read_detail
from speechlip.scoring.set_scores import SetScore
from speechlip.scoring.subgroups import Subgroup

FORMAT = 1
FILE = "scores.json"


@dataclass(frozen=True)
class Scores:
    """Everything ``scores.json`` holds, in the order of the file. A number that is missing is null there.

    format: of the file, 1.
    speechlip: the version that scored.
    command: what was run, as it was typed.
    options: ``ScoreOptions`` as they were settled.
    protocol: ``Protocol`` as a dict, with its sentence.
    sync_model: name, sha256, official, is_lse; None where there was none.
    models: file name → SHA-256 of every model file that was read.
    versions: library → version.
    metrics: columns of numbers that were asked for, in order.
    correction: ``CorrectionRules`` as a dict, and model_confidence, what the sync model declares.
    rows: those of ``scores.csv``.
    aggregates: column → mean over the clips; NaN where there is none.
    missing: family of metrics → reason → number of clips.
    unused_references: names of references that no render belongs to.
    clips: what a report shows of each clip, in the order of their rows.
    subgroups: means over the clips of one group (``--by``).
    opinions: how far metrics order clips as people do (``--mos``).
    sets: numbers of the whole folder (``--fid-weights``, ``--fvd-weights``).
    """

    format: int = FORMAT
    speechlip: str = ""
    command: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    protocol: dict[str, Any] = field(default_factory=dict)
    sync_model: dict[str, Any] | None = None
    models: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    correction: dict[str, Any] = field(default_factory=dict)
    rows: tuple[ScoreRow, ...] = field(default=(), repr=False)
    aggregates: dict[str, Aggregate] = field(default_factory=dict)
    missing: dict[str, dict[str, int]] = field(default_factory=dict)
    unused_references: tuple[str, ...] = ()
    clips: tuple[ClipDetail, ...] = field(default=(), repr=False)
    subgroups: tuple[Subgroup, ...] = field(default=(), repr=False)
    opinions: tuple[Agreement, ...] = field(default=(), repr=False)
    sets: tuple[SetScore, ...] = ()

    @property
    def other_model(self) -> str:
        """Name of the sync model where its numbers are no LSE; else empty."""
        said = self.sync_model or {}
        return said["name"] if said.get("is_lse") is False else ""

    @property
    def of_clip(self) -> dict[str, ScoreRow]:
        """Clip → the row that stands for it, which is its last."""
        return {row.clip: row for row in self.rows}

    @classmethod
    def load(cls, path: str | Path) -> "Scores":
        """Read ``scores.json``, or the one in a folder. Raises OptionError where it is missing or damaged."""
        path = Path(path)
        file = path / FILE if path.is_dir() else path
        try:
            return cls.from_dict(json.loads(file.read_text(encoding="utf-8")))
        except OSError as error:
            raise OptionError(
                f"cannot read {file}: {error.strerror or error}; score-sync -o writes it"
            ) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise OptionError(f"{file} is damaged or no scores.json: {error}; score again") from error

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Scores":
        """The content of ``scores.json`` as a record; what an older release left out is empty.

        Raises ValueError for a newer format, TypeError and KeyError for what is no such content.
        """
        if content.get("format", FORMAT) != FORMAT:
            raise ValueError(f"format {content['format']}, and this release reads {FORMAT}")
        known = {name.name for name in fields(cls)}
        given = {name: value for name, value in content.items() if name in known}
        return cls(
            **given
            | {
                "metrics": tuple(content["metrics"]),
                "rows": tuple(map(ScoreRow.of, content["rows"])),
                "aggregates": {name: _with_nan(row) for name, row in content["aggregates"].items()},
                "unused_references": tuple(content.get("unused_references", ())),
                "clips": tuple(map(read_detail, content["clips"])),
                "subgroups": tuple(Subgroup(**row) for row in content.get("subgroups", ())),
                "opinions": tuple(Agreement(**row) for row in content.get("opinions", ())),
                "sets": tuple(SetScore(**row) for row in content.get("sets", ())),
            }
        )

    def as_dict(self) -> dict[str, Any]:
        """The content of ``scores.json``: plain values, None for NaN."""
        aggregates = {name: _without_nan(asdict(row)) for name, row in self.aggregates.items()}
        rows = [row.cells(self.metrics) for row in self.rows]
        return asdict(self) | {"rows": rows, "aggregates": aggregates}

    def dump(self, path: str | Path) -> None:
        """Write ``scores.json``, which appears whole. Raises WriteError where it cannot be written."""
        write_text(Path(path), json.dumps(self.as_dict(), ensure_ascii=False, indent=1) + "\n")


def _with_nan(row: Mapping[str, Any]) -> Aggregate:
    values: dict[str, Any] = {name: math.nan if value is None else value for name, value in row.items()}
    return Aggregate(**values)


def _without_nan(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if value != value else value for name, value in row.items()}
