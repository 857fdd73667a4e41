"""Results of copies → ``Judgement``, ``judge.csv`` (an answer a row) and ``values.csv`` (a copy and metric a
row).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from speechlip.files.tables import csv_text
from speechlip.files.writing import write_text
from speechlip.judging.answers import Curve, corrected, curve
from speechlip.judging.clip import HEARING, ClipTask, CopyScore, kept_score
from speechlip.judging.harms.table import AUDIO, CLEAN, HARMS, Harm, harms_of
from speechlip.judging.options import JudgeOptions
from speechlip.judging.records import CopyValue, Foreign, Judged, Judgement
from speechlip.judging.words import paragraph
from speechlip.metrics import table
from speechlip.metrics.declared import Metric
from speechlip.scoring.columns import asked_columns
from speechlip.scoring.folder.kept import versions
from speechlip.scoring.networks import Networks
from speechlip.scoring.options import ScoreOptions
from speechlip.version import VERSION

DEAF = "hears no audio"
ANSWERS = (
    "metric",
    "harm",
    "step",
    "verdict",
    "auc",
    "effect",
    "worse_share",
    "clips",
    "mean",
    "clean_mean",
    "worse_by",
    "ci_low",
    "ci_high",
    "in_order",
    "notices_from",
    "missing",
    "p",
    "p_corrected",
)
VALUES = ("clip", "harm", "step", "metric", "value", "reason")
Known = Mapping[tuple[str, float, str], Mapping[str, float]]
"""(harm, step, column) → clip → value."""


def judgement_of(
    tasks: Sequence[ClipTask],
    options: JudgeOptions,
    scoring: ScoreOptions,
    networks: Networks,
    refused: Mapping[str, str],
    command: str,
    foreign: Foreign | None = None,
) -> Judgement:
    """What all copies together say. refused: clip → why it has none."""
    harms = harms_of(options.harms)
    metrics = judged_metrics(scoring, networks.other_model)
    values = tuple(values_of(tasks, metrics, refused))
    known: dict[tuple[str, float, str], dict[str, float]] = defaultdict(dict)
    missing: dict[tuple[str, float, str], Counter[str]] = defaultdict(Counter)
    for each in values:
        key = (each.harm, each.step, each.metric)
        if each.value is None:
            missing[key][each.reason] += 1
        else:
            known[key][each.clip] = each.value
    of_metrics = [[_curve(metric, harm, known, missing) for harm in harms] for metric in metrics]
    judged = []
    for metric, curves in zip(metrics, corrected(of_metrics), strict=True):
        judged.append(
            Judged(
                metric.name,
                metric.title,
                "" if metric.unit in ("distance", "ratio") else metric.unit,
                metric.arrow,
                metric.needs,
                metric.digits,
                paragraph(metric, curves),
                curves,
            )
        )
    return Judgement(
        speechlip=VERSION,
        command=command,
        options=options.as_dict() | {"metrics": scoring.metrics, "detector": scoring.detector},
        sync_model=networks.as_dict()["sync"],
        versions=versions(scoring.detector, scoring.metrics),
        clips=tuple(task.clip for task in tasks),
        refused=dict(refused),
        missing_metrics={family: str(problem) for family, problem in networks.problems.items()},
        harms={harm.name: _about(harm) for harm in harms},
        metrics=tuple(judged),
        values=values,
        foreign=foreign,
        models=networks.models,
    )


def judged_metrics(scoring: ScoreOptions, other_model: str) -> list[Metric]:
    """The columns that are judged: those of the terminal's table, none that stands beside another."""
    columns = map(table.metric, asked_columns(scoring.metrics, other_model))
    return [metric for metric in columns if metric.in_table and not metric.beside]


def values_of(
    tasks: Iterable[ClipTask], metrics: Sequence[Metric], refused: Mapping[str, str]
) -> Iterator[CopyValue]:
    """A row for every copy and metric, each with its value or the reason."""
    for task in tasks:
        for copy in task.copies:
            score = kept_score(copy.place) or CopyScore(problem=refused.get(task.clip, "not scored"))
            for metric in metrics:
                if not _takes(metric, copy.harm):
                    continue
                value = score.values.get(metric.name)
                why = score.problem or score.missing.get(metric.family, "no value")
                yield CopyValue(
                    task.clip, copy.harm, copy.step, metric.name, value, "" if value is not None else why
                )


def _takes(metric: Metric, harm: str) -> bool:
    return harm not in HARMS or not _deaf_to(metric, HARMS[harm])


def _deaf_to(metric: Metric, harm: Harm) -> bool:
    return harm.changes == AUDIO and not HEARING & {*metric.needs}


def _curve(
    metric: Metric, harm: Harm, known: Known, missing: Mapping[tuple[str, float, str], Counter[str]]
) -> Curve:
    if _deaf_to(metric, harm):
        return Curve(metric.name, harm.name, DEAF)
    keys = [(harm.name, step, metric.name) for step in harm.steps]
    clean = known.get((CLEAN.name, CLEAN.steps[0], metric.name), {})
    if not any(known.get(key) for key in keys):
        reasons: Counter[str] = sum((missing.get(key, Counter()) for key in keys), Counter())
        return Curve(metric.name, harm.name, max(reasons, key=lambda why: reasons[why], default="no value"))
    return curve(
        metric.name,
        harm.name,
        harm.steps,
        [known.get(key, {}) for key in keys],
        clean,
        [missing.get(key, Counter()) for key in keys],
        metric.higher_is_better,
    )


def _about(harm: Harm) -> dict[str, Any]:
    return {
        "title": harm.title,
        "unit": harm.unit,
        "changes": harm.changes,
        "harmless": harm.harmless,
        "steps": harm.steps,
    }


def write_tables(judgement: Judgement, out: Path) -> None:
    """Write ``judge.csv`` and ``values.csv``. Raises WriteError."""
    write_text(out / "judge.csv", csv_text(ANSWERS, answer_rows(judgement)))
    write_text(out / "values.csv", csv_text(VALUES, map(asdict, judgement.values)))


def answer_rows(judgement: Judgement) -> Iterator[dict[str, Any]]:
    """Rows of ``judge.csv``; a harm that a metric cannot take is one row with the reason."""
    for judged in judgement.metrics:
        for each in judged.curves:
            about = {"metric": each.metric, "harm": each.harm}
            if each.cannot:
                yield about | {"verdict": "cannot", "missing": each.cannot}
            for told in each.answers:
                reasons = "; ".join(f"{count} × {reason}" for reason, count in told.missing.items())
                of_curve = {"in_order": each.in_order, "notices_from": each.notices_from}
                yield asdict(told) | about | of_curve | {"missing": reasons}
