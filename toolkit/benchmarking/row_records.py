"""The records of one row of ``benchmark.json``; a missing number is null, never NaN."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


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
    mix: tuple[float, ...] = ()
    """Weight of each layer from 0 on, sum 1; empty where no layers were mixed."""


@dataclass(frozen=True)
class RateTried:
    """A learning rate that a row was trained with, and how well that did."""

    lr: float
    """Adam's, at its highest."""
    validation: tuple[float | None, ...] = ()
    """Pair AUC of the validation people, a seed each; None where the loss was no number any more."""


EDGE_MARK = "*"
"""Beside a learning rate that is at an edge of the grid."""


@dataclass(frozen=True)
class Rate:
    """The learning rate of a row."""

    lr: float
    """Adam's, at its highest."""
    by: str
    """``validation``: the best mean over seeds; ``given``: by --lr; ``nobody``: the middle of the grid, since
    there are no validation people."""
    tried: tuple[RateTried, ...] = ()
    """All of the grid, rising; empty where nothing was chosen."""
    at_edge: bool = False
    """It is the least or the greatest that was tried: a wider grid might have a better one."""


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
    rate: Rate | None = None
    """None for what was not trained here."""
    network: str = ""
    """Of a run of train-encoder: the name of its speech network."""
    ambiguity: Ambiguity = Ambiguity()
    cost: Cost | None = None
    unlike_paper: dict[str, str] = field(default_factory=dict)
    """Of a trained run: option → how it differs from the paper's."""
    render: dict[str, Score] = field(default_factory=dict)
    """Keys of ``RENDER_COLUMNS``, with intervals over 1-s blocks; empty where nothing was rendered."""
    noise: tuple[NoiseScores, ...] = ()
    """A level of noise each, as asked for; empty for what does not read audio."""
    seconds: float = 0.0
    """Wall clock of all its seeds; of several learning rates that of the chosen one."""

    @property
    def mix(self) -> tuple[float, ...]:
        """The weight of each layer from 0 on, mean over seeds; empty where no layers were mixed."""
        return mean_mix(self.seeds)


def mean_mix(seeds: Sequence[SeedResult]) -> tuple[float, ...]:
    """The weight of each layer, mean over seeds; empty where no layers were mixed."""
    return tuple(sum(weights) / len(seeds) for weights in zip(*(seed.mix for seed in seeds), strict=True))


def row_from(row: dict[str, Any]) -> EncoderRow:
    """An ``EncoderRow`` from what ``asdict`` made of it and JSON carried."""
    parts = {
        "scores": {name: Score(**score) for name, score in row["scores"].items()},
        "differences": {name: Difference(**difference) for name, difference in row["differences"].items()},
        "seeds": tuple(seed_from(seed) for seed in row["seeds"]),
        "ambiguity": ambiguity_from(row["ambiguity"]),
        "cost": Cost(**row["cost"]) if row["cost"] else None,
        "render": {name: Score(**score) for name, score in row.get("render", {}).items()},
        "rate": rate_from(row["rate"]) if row.get("rate") else None,
        "noise": tuple(noise_from(level) for level in row.get("noise", ())),
    }
    return EncoderRow(**row | parts)


def seed_from(seed: dict[str, Any]) -> SeedResult:
    parts = ("offsets", "confidence", "distance", "curve")
    return SeedResult(
        **seed | {name: tuple(seed[name]) for name in parts} | {"mix": tuple(seed.get("mix", ()))}
    )


def rate_from(content: dict[str, Any]) -> Rate:
    tried = tuple(RateTried(each["lr"], tuple(each["validation"])) for each in content["tried"])
    return Rate(**content | {"tried": tried})


def noise_from(level: dict[str, Any]) -> NoiseScores:
    return NoiseScores(level["snr_db"], {name: Score(**score) for name, score in level["scores"].items()})


def ambiguity_from(content: dict[str, Any]) -> Ambiguity:
    parts = {
        "scores": {name: Score(**score) for name, score in content["scores"].items()},
        "matrix_phones": tuple(content["matrix_phones"]),
        "matrix": tuple(map(tuple, content["matrix"])),
    }
    return Ambiguity(**content | parts)
