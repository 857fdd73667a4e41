"""What a benchmark run finds, as ``benchmark.json`` holds it: dataclasses that go through JSON unchanged. A
missing number is null, never NaN.

``OUT/benchmark.json`` is one ``Benchmark``. ``OUT/tokens/*.npz`` hold the tokens that the map of phones is
drawn from (``Ambiguity.tokens_file``): ``points`` (N, up to 50) float32, the encoder's features in PCA space,
and ``phones`` (N,) text, ARPAbet.
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
class Column:
    """One number of the table.

    chance: what knowing nothing gives, None where that is not one number. higher_is_better: None for neither.
    """

    title: str
    unit: str
    higher_is_better: bool | None
    chance: float | None = None
    digits: int = 3


def _by_kind(name: str, column: Column) -> dict[str, Column]:
    """A column over all negatives, and one for each kind of negative."""
    kinds = {
        f"{name}_{kind}": Column(
            f"{column.title}, {kind}", column.unit, column.higher_is_better, column.chance, column.digits
        )
        for kind in ("shift", "clip", "speaker")
    }
    return {name: column, **kinds}


COLUMNS: dict[str, Column] = {
    **_by_kind("pair_auc", Column("pair AUC", "", True, 0.5)),
    **_by_kind("eer", Column("EER", "", False, 0.5)),
    **_by_kind("average_precision", Column("AP", "", True)),
    "offset_exact": Column("offset exact", "share of clips", True, 1 / 31),
    "offset_within_one": Column("offset ±1", "share of clips", True, 3 / 31),
    "r1_lips_to_speech": Column("R@1 lips → speech", "", True),
    "r5_lips_to_speech": Column("R@5 lips → speech", "", True),
    "r1_speech_to_lips": Column("R@1 speech → lips", "", True),
    "r5_speech_to_lips": Column("R@5 speech → lips", "", True),
    "sync_confidence": Column("confidence", "own distance", True),
    "sync_distance": Column("distance", "own distance", False),
}
"""Keys of ``EncoderRow.scores``.

Confidence and distance lie in each encoder's own space; they are not LSE-C and LSE-D.
"""
AMBIGUITY_COLUMNS: dict[str, Column] = {
    "va": Column("VA", "", True),
    "ar": Column("AR", "", False),
    "ar_star": Column("AR*", "", False),
    "nv": Column("NV", "", True, 0.0),
    "np": Column("NP", "", None, 0.0),
    "kv": Column("KV", "", True),
    "kp": Column("KP", "", None, 0.0),
    "control_contrast": Column("control contrast", "", True),
}
"""Keys of ``Ambiguity.scores``: docs/protocols.md has the formulas."""


@dataclass(frozen=True)
class Score:
    """One number of one row. value: the mean over seeds. ci_low, ci_high: 95 % over clips of that mean.
    seed_low, seed_high: the least and the greatest of the seeds; equal for one seed. reason: why ``value``
    is None, empty where it is there."""

    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    seed_low: float | None = None
    seed_high: float | None = None
    reason: str = ""


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
    """One seed of one row. steps, loss: of its training; loss None for ``as trained``. scores: keys of
    ``COLUMNS``; a missing one is left out.

    offsets, confidence, distance: per clip, in the order of ``Benchmark.clips``; None for a clip too short
    for every shift to have a pair. curve: (31,) mean distance at ``SHIFTS`` over the clips that have one.
    """

    seed: int
    steps: int
    loss: float | None
    scores: dict[str, float]
    offsets: tuple[int | None, ...]
    confidence: tuple[float | None, ...]
    distance: tuple[float | None, ...]
    curve: tuple[float, ...]


@dataclass(frozen=True)
class Ambiguity:
    """Do phones that look alike lie together? scores: keys of ``AMBIGUITY_COLUMNS``; reason: why there are
    none, empty where there are.

    tokens, phones: how many. viseme_map: of metrics.visemes. pairs: "T/D" → pair ratio R, 0 merged, 1 as far
    apart as two visemes; contrast: the same of M/N, M/NG, N/NG, which look different. matrix: R of every two
    of ``matrix_phones`` (None on the diagonal). tokens_file: beside benchmark.json, for the map; empty where
    there is none.
    """

    scores: dict[str, Score] = field(default_factory=dict)
    reason: str = ""
    tokens: int = 0
    phones: int = 0
    viseme_map: str = ""
    pairs: dict[str, float] = field(default_factory=dict)
    contrast: dict[str, float] = field(default_factory=dict)
    matrix_phones: tuple[str, ...] = ()
    matrix: tuple[tuple[float | None, ...], ...] = ()
    tokens_file: str = ""


@dataclass(frozen=True)
class Cost:
    """What an encoder takes, measured in a fresh process on ``seconds`` s of speech; None where it could not
    be measured, ``reason`` says why.

    real_time_factor: computing time / duration of the speech, below 1 is faster than speech. peak_memory_mb:
    of that process, libraries and weights included; on a GPU what torch held there. look_ahead_ms: how much
    later speech a feature waits for, None where it is all of it. threads, device: of the measure.
    """

    parameters: int | None
    head_parameters: int
    look_ahead_ms: float | None
    real_time_factor: float | None = None
    peak_memory_mb: float | None = None
    seconds: float = 10.0
    threads: int = 1
    device: str = "cpu"
    reason: str = ""


@dataclass(frozen=True)
class EncoderRow:
    """One row of the table. name: as it was asked for. label: unique in the table. role: ``encoder`` or
    ``control``. mode: ``head`` (frozen, the common head trained on it) or ``as trained`` (a run of
    train-encoder, its own two halves).

    note: what a reader has to know of this row, such as where a control's landmarks come from. rate_hz,
    centre_ms: as the encoder declares; dim: of a feature at that rate; frame_dim: of a video frame.
    differences: "pair_auc", "offset_exact" → to the best row; none for the best itself. is_best: whether the
    differences of the others are to this row. weights: SHA-256 of the file, or commit on the Hub; empty where
    there are none, or nobody says. unlike_paper: of a trained run, option → what is not the paper's. seconds:
    wall clock of all its seeds.
    """

    name: str
    label: str
    role: str
    mode: str
    status: str
    reason: str = ""
    note: str = ""
    dim: int = 0
    frame_dim: int = 0
    rate_hz: float = 0.0
    centre_ms: float = 0.0
    random_init: bool = False
    weights: str = ""
    scores: dict[str, Score] = field(default_factory=dict)
    differences: dict[str, Difference] = field(default_factory=dict)
    is_best: bool = False
    seeds: tuple[SeedResult, ...] = ()
    ambiguity: Ambiguity = Ambiguity()
    cost: Cost | None = None
    unlike_paper: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class ShardsFacts:
    """Which data. name: of the folder. manifest_sha256: of its manifest.json. landmarks: how the mouth points
    came, empty where there are none.

    Of each split: clips, speakers, seconds. pairs: kind → how many frozen pairs of the examined split; off:
    kinds without any → why. gallery: windows of retrieval. train_digest: of the shards that are learned from.
    too_short: clips that no offset can be measured in.
    """

    name: str
    manifest_sha256: str
    crop: str
    split: str
    splits: dict[str, dict[str, float]]
    pairs: dict[str, int]
    off: dict[str, str]
    gallery: int
    too_short: int
    landmarks: str = ""
    train_digest: str = ""


@dataclass(frozen=True)
class Benchmark:
    """All of a run. options: ``BenchmarkOptions`` as a dict. clips: keys of the examined split, in the order
    of per-clip values. head: what the common head is, in words. unlike_paper: options of the benchmark's
    own training that the paper has otherwise. notes: for the reader. intervals: id of how they and p were
    made (docs/protocols.md)."""

    shards: ShardsFacts
    options: dict[str, Any]
    clips: tuple[str, ...]
    rows: tuple[EncoderRow, ...]
    command: str = ""
    head: str = ""
    notes: tuple[str, ...] = ()
    unlike_paper: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    speechlip: str = ""
    intervals: str = BEFORE
    protocol: str = PROTOCOL
    format: int = FORMAT


def as_json(benchmark: Benchmark) -> str:
    """The text of ``benchmark.json``.

    Raises ValueError for a number that is not finite, which no record may hold.
    """
    return json.dumps(asdict(benchmark), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def load_benchmark(path: Path) -> Benchmark:
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


def benchmark_from(content: dict[str, Any]) -> Benchmark:
    """A ``Benchmark`` from what ``asdict`` made of it, and perhaps JSON carried."""
    rows = tuple(row_from(row) for row in content["rows"])
    lists = {name: tuple(content[name]) for name in ("clips", "notes")}
    return Benchmark(**content | lists | {"shards": ShardsFacts(**content["shards"]), "rows": rows})


def without_places(benchmark: Benchmark) -> Benchmark:
    """The same for a page or a card that is sent on: runs and folders by as few of their last parts as tell
    them apart.
    """
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
    }
    return EncoderRow(**row | parts)


def seed_from(seed: dict[str, Any]) -> SeedResult:
    return SeedResult(
        **seed | {name: tuple(seed[name]) for name in ("offsets", "confidence", "distance", "curve")}
    )


def ambiguity_from(found: dict[str, Any]) -> Ambiguity:
    parts = {
        "scores": {name: Score(**score) for name, score in found["scores"].items()},
        "matrix_phones": tuple(found["matrix_phones"]),
        "matrix": tuple(map(tuple, found["matrix"])),
    }
    return Ambiguity(**found | parts)
