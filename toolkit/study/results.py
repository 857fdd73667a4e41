"""``speechlip.read_study``: answers → mean opinions with intervals, agreement, preferences of methods."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from speechlip.checks import check_out, check_path
from speechlip.files.tables import csv_text
from speechlip.files.writing import make_folder, write_text
from speechlip.metrics.statistics.agreement import krippendorff_alpha
from speechlip.metrics.statistics.differences import mean_difference
from speechlip.metrics.statistics.intervals import mean_interval
from speechlip.metrics.statistics.rank_correlation import spearman
from speechlip.study.answers import Answer, read_answers
from speechlip.study.key import BEST, FILE, REAL, SCALES, read_key


@dataclass(frozen=True)
class MeanOpinion:
    """One method on one scale; the mean is over videos, of each the mean over its raters.

    ci_low, ci_high: 95 % interval over videos, within 1 … 5; NaN for a single one.
    """

    method: str
    scale: str
    mean: float
    ci_low: float
    ci_high: float
    videos: int
    opinions: int


@dataclass(frozen=True)
class RaterAgreement:
    """How far raters agree on one scale.

    rater: empty: all of them.
    alpha: Krippendorff's, of all; NaN in a rater's own row, and where nobody shares a video.
    correlation: of a rater with the mean of the others, Spearman's; NaN in the row of all.
    opinions: how many there are.
    """

    scale: str
    rater: str
    alpha: float
    correlation: float
    opinions: int


@dataclass(frozen=True)
class Preference:
    """Two methods on one scale, by raters who gave points to both on the same content.

    difference: mean over contents of what raters gave ``first`` − what the same gave ``second``, with its
        95 % interval over contents.
    p: two-sided, paired t test; NaN for fewer than ten contents.
    preferred: share of raters and contents where ``first`` has more points; equal points count half.
    comparisons: how many of these there are.
    """

    scale: str
    first: str
    second: str
    difference: float
    ci_low: float
    ci_high: float
    p: float
    contents: int
    preferred: float
    comparisons: int


@dataclass(frozen=True)
class StudyResults:
    """What ``read_study`` found.

    answers: one of each rater and video.
    videos: of the study.
    """

    answers: tuple[Answer, ...]
    videos: int
    means: tuple[MeanOpinion, ...]
    agreement: tuple[RaterAgreement, ...]
    preferences: tuple[Preference, ...]

    @property
    def raters(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(answer.rater for answer in self.answers))


def read_study(
    answers: Iterable[str | Path], key: str | Path | None = None, out: str | Path | None = None
) -> StudyResults:
    """What raters say of the videos of a study.

    answers: the CSV files that the page saved.
    key: ``key.csv`` that ``make_study`` wrote; None: the one beside the first file.
    out: a folder that gets ``mos.csv``, ``agreement.csv``, ``preferences.csv`` and ``opinions.csv``, which
        ``score-sync --mos`` reads; None: nothing is written.

    Raises OptionError for files that do not belong together or hold no answers.
    """
    paths = [check_path("answers", path) for path in answers]
    known = read_key(check_path("key", key) if key else (paths[0].parent if paths else Path()) / FILE)
    given = read_answers(paths, known)
    results = StudyResults(
        given, len(known.rows), means_of(given), agreement_of(given), preferences_of(given)
    )
    if out is not None:
        write_results(results, check_out(out))
    return results


def means_of(answers: Sequence[Answer]) -> tuple[MeanOpinion, ...]:
    """Every method on every scale."""
    found = []
    for method in methods_of(answers):
        for scale in SCALES:
            videos = points_by(answers, method, scale, lambda answer: answer.of.clip)
            if not videos:
                continue
            mean = mean_interval(np.array([np.mean(points) for points in videos.values()]))
            low, high = (float(np.clip(end, 1, BEST)) for end in (mean.ci_low, mean.ci_high))
            opinions = sum(map(len, videos.values()))
            found.append(MeanOpinion(method, scale, mean.value, low, high, len(videos), opinions))
    return tuple(found)


def agreement_of(answers: Sequence[Answer]) -> tuple[RaterAgreement, ...]:
    """All raters, and each with the others, on every scale."""
    raters = list(dict.fromkeys(answer.rater for answer in answers))
    clips = list(dict.fromkeys(answer.of.clip for answer in answers))
    found = []
    for scale in SCALES:
        table = np.full((len(raters), len(clips)), np.nan)
        for answer in answers:
            if scale in answer.points:
                table[raters.index(answer.rater), clips.index(answer.of.clip)] = answer.points[scale]
        count = int(np.isfinite(table).sum())
        found.append(RaterAgreement(scale, "", krippendorff_alpha(table), math.nan, count))
        for place, rater in enumerate(raters):
            others = np.delete(table, place, axis=0)
            both = np.isfinite(table[place]) & np.isfinite(others).any(axis=0)
            with_others = math.nan
            if both.any():
                with_others = spearman(table[place, both], np.nanmean(others[:, both], axis=0)).value
            own = int(np.isfinite(table[place]).sum())
            found.append(RaterAgreement(scale, rater, math.nan, with_others, own))
    return tuple(found)


def preferences_of(answers: Sequence[Answer]) -> tuple[Preference, ...]:
    """Every two methods on every scale that some rater gave points to both on, for one content at least."""
    found = []
    for first, second in combinations(methods_of(answers), 2):
        for scale in SCALES:
            ours, theirs = (
                points_by(answers, method, scale, lambda answer: (answer.of.content, answer.rater))
                for method in (first, second)
            )
            apart_by: dict[str, list[int]] = {}
            for content, rater in ours:
                if (content, rater) in theirs:
                    points = ours[content, rater][0] - theirs[content, rater][0]
                    apart_by.setdefault(content, []).append(points)
            if not apart_by:
                continue
            apart = mean_difference(
                [np.mean(points) for points in apart_by.values()], np.zeros(len(apart_by))
            )
            compared = np.sign([each for points in apart_by.values() for each in points])
            low, high = np.clip((apart.ci_low, apart.ci_high), 1 - BEST, BEST - 1).tolist()
            numbers = (apart.value, low, high, apart.p, apart.clips)
            preferred = float(compared.mean()) / 2 + 0.5
            found.append(Preference(scale, first, second, *numbers, preferred, len(compared)))
    return tuple(found)


def methods_of(answers: Sequence[Answer]) -> list[str]:
    """Methods by name, the real videos last."""
    return sorted({answer.of.method for answer in answers}, key=lambda name: (name == REAL, name))


def points_by(answers: Sequence[Answer], method: str, scale: str, what) -> dict:
    """``what`` of an answer → points that answers on a method have on a scale."""
    found: dict = {}
    for answer in answers:
        if answer.of.method == method and scale in answer.points:
            found.setdefault(what(answer), []).append(answer.points[scale])
    return found


def write_results(results: StudyResults, out: Path) -> None:
    """The tables as CSV. Raises WriteError."""
    make_folder(out)
    for name, rows in (
        ("mos", results.means),
        ("agreement", results.agreement),
        ("preferences", results.preferences),
    ):
        plain = [{field: _cell(value) for field, value in vars(row).items()} for row in rows]
        if plain:
            write_text(out / f"{name}.csv", csv_text(list(plain[0]), plain))
    opinions = [
        {"rater": answer.rater, "clip": answer.of.file, "method": answer.of.method, **answer.points}
        for answer in results.answers
        if answer.of.method != REAL
    ]
    write_text(out / "opinions.csv", csv_text(["rater", "clip", "method", *SCALES], opinions))


def _cell(value):
    return None if isinstance(value, float) and math.isnan(value) else value
