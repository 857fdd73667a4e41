"""Which video a number of a study's page stands for: ``key.csv``, which raters do not see."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechlip.errors import OptionError
from speechlip.files.tables import csv_text

FILE = "key.csv"
COLUMNS = ("study", "clip", "file", "method", "content")
SCALES = {"lip_sync": "Lip sync", "image_quality": "Image quality", "realness": "Realness"}
"""Column → what the page calls it: the three scales of Speech2Lip's and SE4Lip's studies."""
BEST = 5
"""Of the scales, which begin at 1."""
REAL = "real"
"""Method of the reference videos."""


@dataclass(frozen=True)
class KeyRow:
    """One video of a study.

    clip: what the page calls it, such as ``clip-07``.
    file: path below its folder, as ``score-sync`` names it.
    method: first folder of that path where renders lie in several; ``real`` for references; else empty.
    content: path below the method without its ending: what videos of several methods have in common.
    """

    clip: str
    file: str
    method: str
    content: str


@dataclass(frozen=True)
class Key:
    """All videos of a study. study: its id, which answers carry, too."""

    study: str
    rows: tuple[KeyRow, ...]

    def as_csv(self) -> str:
        return csv_text(COLUMNS, [{"study": self.study} | vars(row) for row in self.rows])


def read_key(path: Path) -> Key:
    """Raises OptionError for a file that is no key."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        studies = {row["study"] for row in rows}
        plain = [{name: row[name].removeprefix("'") for name in COLUMNS[1:]} for row in rows]
        (study,) = studies
    except OSError as error:
        raise OptionError(
            f"cannot read {path}: {error.strerror or error}; study make writes it, --key says where it lies"
        ) from error
    except (ValueError, KeyError, AttributeError, csv.Error) as error:
        raise OptionError(f"{path} is no {FILE} of study make: {type(error).__name__} {error}") from error
    return Key(study, tuple(KeyRow(**row) for row in plain))


def method_of(name: str, names: Sequence[str]) -> tuple[str, str]:
    """Method and content of one of several renders: the first folder where there are several of them.

    >>> method_of("ours/a.mp4", ["ours/a.mp4", "theirs/a.mp4"]), method_of("x/a.mp4", ["x/a.mp4"])
    (('ours', 'a'), ('', 'x/a'))
    """
    stem = name[: len(name) - len(Path(name).suffix)]
    firsts = {each.partition("/")[0] for each in names}
    first, _, rest = stem.partition("/")
    return (first, rest) if len(firsts) > 1 and all("/" in each for each in names) else ("", stem)
