"""``cosines.csv``: the cosine of each validation pair at the last validation, by kind of pair."""

import csv
import io
from pathlib import Path

import numpy as np

from speechlip.errors import ModelError
from speechlip.files.writing import write_text
from speechlip.metrics.statistics.pairs import pair_auc
from speechlip.shards.pairs.rules import KINDS, NEGATIVES

NAME = "cosines.csv"
MATCH = KINDS[0]
COLUMNS = ["step", "kind", "cosine"]


def write_cosines(run: Path, step: int, kind: np.ndarray, cosines: np.ndarray) -> None:
    """kind: (N,) indices into ``KINDS``, cosines: (N,) in −1 … 1, to six digits.

    The file of an earlier step is replaced.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(
        [
            COLUMNS,
            *([step, KINDS[number], f"{value:.6g}"] for number, value in zip(kind, cosines, strict=True)),
        ]
    )
    write_text(run / NAME, text.getvalue())


def read_cosines(run: Path) -> dict[str, np.ndarray]:
    """Kind → (N,) cosines, in the order of ``KINDS``, without kinds that are not there.

    Empty where the run has no such file. Raises ModelError where the file is not what ``write_cosines``
    writes.
    """
    path = run / NAME
    if not path.is_file():
        return {}
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        by_kind = {
            kind: np.array([float(row["cosine"]) for row in rows if row["kind"] == kind]) for kind in KINDS
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} has other rows than {', '.join(COLUMNS)} ({error}); move it away, --resume writes it "
            "anew"
        ) from error
    return {kind: values for kind, values in by_kind.items() if len(values)}


def auc_by_kind(cosines: dict[str, np.ndarray]) -> dict[str, tuple[float, int]]:
    """``all`` and each kind of negative → pair AUC against the matches, and how many negatives there are.

    >>> auc_by_kind({"positive": np.array([0.9, 0.4]), "shift": np.array([0.5]), "clip": np.array([0.1])})
    {'all': (0.75, 2), 'shift': (0.5, 1), 'clip': (1.0, 1)}
    """
    positive = cosines.get(MATCH, np.empty(0))
    groups = {kind: cosines[kind] for kind in NEGATIVES if kind in cosines}
    if not (
        len(positive) and groups and all(np.isfinite(values).all() for values in (positive, *groups.values()))
    ):
        return {}
    groups = {"all": np.concatenate(list(groups.values()))} | groups
    label = {kind: np.r_[np.ones(len(positive)), np.zeros(len(values))] for kind, values in groups.items()}
    return {
        kind: (pair_auc(np.r_[positive, values], label[kind]), len(values)) for kind, values in groups.items()
    }
