"""The records of ``benchmark.json``: dataclasses that go through JSON unchanged.

A missing number is null, never NaN. ``OUT/benchmark.json`` is one ``Benchmark``. ``OUT/tokens/*.npz`` hold
the tokens that the map of phones is drawn from (``Ambiguity.tokens_file``): ``points`` (N, up to 50) float32,
the encoder's features in PCA space, and ``phones`` (N,) text, ARPAbet.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from speechlip.benchmarking.row_records import EncoderRow, row_from
from speechlip.errors import ShardError
from speechlip.files.shareable import command_without_folders, short_paths, without_folders_anywhere

FORMAT = 1
PROTOCOL = "speechlip-encoder-2"
BEFORE = "clip-bootstrap"
"""Intervals of files that do not name theirs: percentiles of a bootstrap over clips."""
LIPS = "lips"
"""The control that sees the mouth points themselves: the upper end, above every encoder by right."""
JSON_NAME, CSV_NAME, TOKENS_FOLDER = "benchmark.json", "benchmark.csv", "tokens"
SHIFTS = tuple(range(-15, 16))
"""Frames by which speech is moved against lips in an offset curve; entry 15 is where both belong."""

ENCODER, CONTROL = "encoder", "control"
HEAD, AS_TRAINED = "head", "as trained"
SCORED, FAILED = "scored", "failed"


@dataclass(frozen=True)
class ShardsFacts:
    """Which shards were used, and for what."""

    name: str
    """Of the folder."""
    manifest_sha256: str
    """Of its manifest.json."""
    crop: str
    """Preset of the lip crops."""
    split: str
    """Whose frozen pairs are evaluated."""
    splits: dict[str, dict[str, float]]
    """train and ``split`` → clips, speakers, seconds."""
    pairs: dict[str, int]
    """Kind → number of frozen pairs."""
    off: dict[str, str]
    """Kinds without any pair → why."""
    gallery: int
    """Windows among which retrieval searches."""
    too_short: int
    """Clips in which no offset can be measured."""
    landmarks: str = ""
    """How the mouth points came; empty where there are none."""
    train_digest: str = ""
    """Of the shards that are learned from."""
    validation: str = ""
    """The split whose people choose learning rates; empty where there is none besides ``split``."""


@dataclass(frozen=True)
class RenderAnswer:
    """Does pair AUC tell how well an encoder renders lips? Spearman's ρ with LMD, over encoders."""

    person: str
    """Name of the video."""
    encoders: int
    """That are scored below the common head and rendered, controls too."""
    rho: float | None = None
    """−1: the encoder with the higher pair AUC always has the lower LMD."""
    ci_low: float | None = None
    ci_high: float | None = None
    """95 % interval over encoders; None where there is none."""
    reason: str = ""
    """Why there is no ρ."""


@dataclass(frozen=True)
class Benchmark:
    """All of a benchmark, as ``benchmark.json`` holds it."""

    shards: ShardsFacts
    options: dict[str, Any]
    """``BenchmarkOptions`` as a dict."""
    clips: tuple[str, ...]
    """Keys of the evaluated split, in the order of values per clip."""
    rows: tuple[EncoderRow, ...]
    command: str = ""
    """As it was typed; empty from Python."""
    head: str = ""
    """What the common projection head is, in words."""
    notes: tuple[str, ...] = ()
    """For the reader."""
    unlike_paper: dict[str, str] = field(default_factory=dict)
    """Options of the benchmark's own training → how they differ from the paper's."""
    versions: dict[str, str] = field(default_factory=dict)
    """Library → version."""
    speechlip: str = ""
    """Version that wrote it."""
    render: RenderAnswer | None = None
    """None where nothing was rendered."""
    intervals: str = BEFORE
    """Id of how intervals and p were made (docs/protocols.md)."""
    protocol: str = PROTOCOL
    format: int = FORMAT

    @classmethod
    def load(cls, path: Path) -> "Benchmark":
        """Read ``benchmark.json``. Raises ShardError where it is missing, damaged, or of another format."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ShardError(
                    f"{path} is of format {content['format']!r}, this speechlip reads {FORMAT}; run "
                    "score-encoder again"
                )
            return benchmark_from(content)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ShardError(f"{path} cannot be read ({error}); run score-encoder again") from error

    def dump(self) -> str:
        """The text of ``benchmark.json``. Raises ValueError for a number that is not finite."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def protocol_of(path: Path) -> str | None:
    """The protocol that a ``benchmark.json`` says; None where there is no such file, or it says none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content["protocol"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def benchmark_from(content: dict[str, Any]) -> Benchmark:
    """A ``Benchmark`` from what ``asdict`` made of it, and perhaps JSON carried."""
    rows = tuple(row_from(row) for row in content["rows"])
    lists = {name: tuple(content[name]) for name in ("clips", "notes")}
    render = RenderAnswer(**content["render"]) if content.get("render") else None
    parts = {"shards": ShardsFacts(**content["shards"]), "rows": rows, "render": render}
    return Benchmark(**content | lists | parts)


def without_places(benchmark: Benchmark) -> Benchmark:
    """The same for a page or a card that is sent on: folders by as few of their last parts as needed."""
    named = short_paths([row.label for row in benchmark.rows])
    content = asdict(replace(benchmark, command=command_without_folders(benchmark.command)))
    return benchmark_from(without_folders_anywhere(content, named))
