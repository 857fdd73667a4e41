"""The records of ``benchmark.json``: dataclasses that go through JSON unchanged.

A missing number is null, never NaN. ``OUT/benchmark.json`` is one ``Benchmark``. ``OUT/tokens/*.npz`` hold
the tokens that the map of phones is drawn from (``Ambiguity.tokens_file``): ``points`` (N, up to 50) float32,
the encoder's features in PCA space, and ``phones`` (N,) text, ARPAbet.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from speechlip.errors import ShardError
from speechlip.files.shareable import command_without_folders, short_paths, without_folders_anywhere

FORMAT = 1
PROTOCOL = "speechlip-encoder-1"
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
class Score:
    """One number of one row."""

    value: float | None
    """The mean over seeds; None where there is none."""
    ci_low: float | None = None
    ci_high: float | None = None
    """95 % interval of that mean over clips."""
    seed_low: float | None = None
    seed_high: float | None = None
    """The least and the greatest of the seeds; equal for one seed."""
    reason: str = ""
    """Why ``value`` is None."""


@dataclass(frozen=True)
class Difference:
    """This row less the best row ``to`` (its label), on the same clips: value, 95 % interval, two-sided p
    over clips, paired (None: too few clips).
    """

    to: str
    value: float
    ci_low: float
    ci_high: float
    p: float | None


@dataclass(frozen=True)
class SeedResult:
    """One seed of one row."""

    seed: int
    steps: int
    """Of its training."""
    loss: float | None
    """At the end of the training; None for ``as trained``."""
    scores: dict[str, float]
    """Keys of ``COLUMNS``; a missing one is left out."""
    offsets: tuple[int | None, ...]
    """Frames, per clip in the order of ``Benchmark.clips``; None for a clip without a pair at every shift."""
    confidence: tuple[float | None, ...]
    """Per clip, likewise."""
    distance: tuple[float | None, ...]
    """Per clip, likewise."""
    curve: tuple[float, ...]
    """(31,) mean distance at ``SHIFTS`` over the clips that have one."""


@dataclass(frozen=True)
class Ambiguity:
    """Whether phones that look alike lie together in an encoder's features."""

    scores: dict[str, Score] = field(default_factory=dict)
    """Keys of ``AMBIGUITY_COLUMNS``."""
    reason: str = ""
    """Why there are no scores."""
    tokens: int = 0
    """How many."""
    phones: int = 0
    """How many."""
    viseme_map: str = ""
    """One of metrics.visemes."""
    pairs: dict[str, float] = field(default_factory=dict)
    """Such as "T/D" → pair ratio R: 0 merged, 1 as far apart as two visemes."""
    contrast: dict[str, float] = field(default_factory=dict)
    """R of M/N, M/NG, N/NG, which look different."""
    matrix_phones: tuple[str, ...] = ()
    matrix: tuple[tuple[float | None, ...], ...] = ()
    """R of every two of ``matrix_phones``; None on the diagonal."""
    tokens_file: str = ""
    """Of the map, beside benchmark.json; empty where there is none."""


@dataclass(frozen=True)
class Cost:
    """What an encoder takes, measured in a fresh process on ``seconds`` s of speech."""

    parameters: int | None
    head_parameters: int
    look_ahead_ms: float | None
    """How much later speech a feature waits for, None where it is all of it."""
    real_time_factor: float | None = None
    """Computing time / duration of the speech, below 1 is faster than speech."""
    peak_memory_mb: float | None = None
    """Of that process, libraries and weights included; on a GPU what torch held there."""
    seconds: float = 10.0
    threads: int = 1
    device: str = "cpu"
    """``threads``, ``device``: of the measure."""
    reason: str = ""


@dataclass(frozen=True)
class NoiseScores:
    """What is left of a row's scores with noise under the speech."""

    snr_db: float
    """How far the noise lies below the power of a clip's audio."""
    scores: dict[str, Score] = field(default_factory=dict)
    """pair_auc, offset_exact, va, ar_star, nv."""


@dataclass(frozen=True)
class EncoderRow:
    """One row of the table."""

    name: str
    """As it was asked for."""
    label: str
    """Unique in the table."""
    role: str
    """encoder or control."""
    mode: str
    """``head``: frozen, the common projection head trained on it; ``as trained``: the two halves of a run."""
    status: str
    """scored or failed."""
    reason: str = ""
    """Why it failed."""
    note: str = ""
    """For the reader, such as where a control's landmarks come from."""
    dim: int = 0
    """Numbers in a feature at ``rate_hz``."""
    frame_dim: int = 0
    """Numbers in the features of a video frame."""
    rate_hz: float = 0.0
    """Features a second, as the encoder declares."""
    centre_ms: float = 0.0
    """Middle of the first feature, as the encoder declares."""
    random_init: bool = False
    weights: str = ""
    """SHA-256 of the file, or commit on the Hub; empty where it is unknown, or there are none."""
    scores: dict[str, Score] = field(default_factory=dict)
    """Keys of ``COLUMNS``."""
    differences: dict[str, Difference] = field(default_factory=dict)
    """"pair_auc", "offset_exact" → to the best row; empty for the best itself."""
    is_best: bool = False
    """Whether the differences of the others are to this row."""
    seeds: tuple[SeedResult, ...] = ()
    ambiguity: Ambiguity = Ambiguity()
    cost: Cost | None = None
    unlike_paper: dict[str, str] = field(default_factory=dict)
    """Of a trained run: option → how it differs from the paper's."""
    noise: tuple[NoiseScores, ...] = ()
    """A level of noise each, as asked for; empty for what does not read audio."""
    seconds: float = 0.0
    """Wall clock of all its seeds."""


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


def benchmark_from(content: dict[str, Any]) -> Benchmark:
    """A ``Benchmark`` from what ``asdict`` made of it, and perhaps JSON carried."""
    rows = tuple(row_from(row) for row in content["rows"])
    lists = {name: tuple(content[name]) for name in ("clips", "notes")}
    return Benchmark(**content | lists | {"shards": ShardsFacts(**content["shards"]), "rows": rows})


def without_places(benchmark: Benchmark) -> Benchmark:
    """The same for a page or a card that is sent on: folders by as few of their last parts as needed."""
    named = short_paths([row.label for row in benchmark.rows])
    content = asdict(replace(benchmark, command=command_without_folders(benchmark.command)))
    return benchmark_from(without_folders_anywhere(content, named))


def row_from(row: dict[str, Any]) -> EncoderRow:
    """An ``EncoderRow`` from what ``asdict`` made of it and JSON carried."""
    parts = {
        "scores": {name: Score(**score) for name, score in row["scores"].items()},
        "differences": {name: Difference(**difference) for name, difference in row["differences"].items()},
        "seeds": tuple(seed_from(seed) for seed in row["seeds"]),
        "ambiguity": ambiguity_from(row["ambiguity"]),
        "cost": Cost(**row["cost"]) if row["cost"] else None,
        "noise": tuple(noise_from(level) for level in row.get("noise", ())),
    }
    return EncoderRow(**row | parts)


def seed_from(seed: dict[str, Any]) -> SeedResult:
    return SeedResult(
        **seed | {name: tuple(seed[name]) for name in ("offsets", "confidence", "distance", "curve")}
    )


def noise_from(level: dict[str, Any]) -> NoiseScores:
    return NoiseScores(level["snr_db"], {name: Score(**score) for name, score in level["scores"].items()})


def ambiguity_from(content: dict[str, Any]) -> Ambiguity:
    parts = {
        "scores": {name: Score(**score) for name, score in content["scores"].items()},
        "matrix_phones": tuple(content["matrix_phones"]),
        "matrix": tuple(map(tuple, content["matrix"])),
    }
    return Ambiguity(**content | parts)
