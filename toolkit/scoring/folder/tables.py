"""Results of clips → ``scores.json`` and ``scores.csv``."""

from collections import Counter
from collections.abc import Iterable, Sequence

from speechlip.files.tables import csv_text
from speechlip.metrics import table
from speechlip.metrics.declared import Metric
from speechlip.metrics.statistics.aggregate import aggregate
from speechlip.metrics.sync.columns import FAMILY
from speechlip.scoring import protocols
from speechlip.scoring.clip.rows import MEAN, with_verdicts
from speechlip.scoring.columns import asked_columns, row_columns
from speechlip.scoring.folder.kept import versions
from speechlip.scoring.networks import Networks
from speechlip.scoring.opinions import Opinions, agreements_of
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ClipScore, ScoreRow
from speechlip.scoring.scores import Scores
from speechlip.scoring.subgroups import Groups, subgroups_of
from speechlip.scoring.sync.verdict import CorrectionRules
from speechlip.version import VERSION


def scores_of(
    results: Sequence[ClipScore],
    options: ScoreOptions,
    networks: Networks,
    rules: CorrectionRules,
    command: str,
    unused_references: Iterable[str],
    groups: Groups,
    opinions: Opinions,
) -> Scores:
    """Everything ``scores.json`` holds, from the results of all clips.

    groups: column of metadata.csv → clip → its group.
    opinions: scale → clip → mean opinion.
    """
    protocol = protocols.get(options.protocol)
    columns = asked_columns(options.metrics, networks.other_model)
    least = networks.least_confidence
    of_clip = {result.row.clip: result.row for result in results}
    return Scores(
        speechlip=VERSION,
        command=command,
        options=options.as_dict(),
        protocol=protocol.as_dict(),
        sync_model=networks.as_dict()["sync"],
        models=networks.models,
        versions=versions(options.detector, options.metrics),
        metrics=tuple(columns),
        correction=rules.as_dict() | {"model_confidence": least},
        rows=tuple(row for result in results for row in with_verdicts(result.rows, least, rules)),
        aggregates={
            metric.name: aggregate(values_of(metric, results, protocol), metric.lowest, metric.highest)
            for metric in map(table.metric, columns)
        },
        missing=missing(results, options.metrics),
        unused_references=tuple(unused_references),
        clips=tuple(result.detail for result in results),
        subgroups=subgroups_of(of_clip, columns, groups),
        opinions=agreements_of(of_clip, columns, opinions),
    )


def values_of(
    metric: Metric, results: Sequence[ClipScore], protocol: protocols.Protocol
) -> list[float | None]:
    """The values that a mean is taken over: one per clip, or of lip sync one per track where the protocol
    says so.
    """
    by_track = protocol.per == protocols.EVERY_TRACK and metric.family == FAMILY
    chosen: list[ScoreRow] = []
    for result in results:
        tracks = [row for row in result.rows if row.track != MEAN]
        chosen += tracks if by_track else [result.row]
    return [getattr(row, metric.name) for row in chosen]


def missing(results: Iterable[ClipScore], families: Iterable[str]) -> dict[str, dict[str, int]]:
    """Family of metrics → reason → number of clips, from the row that stands for each clip."""
    counts: dict[str, Counter[str]] = {}
    for result in results:
        for family, reason in result.missing.items():
            counts.setdefault(family, Counter())[reason] += 1
    return {family: dict(counts[family]) for family in families if family in counts}


def as_csv(scores: Scores) -> str:
    """Rows as CSV text, missing numbers as empty cells, numbers in full."""
    other_model = next((row.sync_model for row in scores.rows if row.sync_model), "")
    columns = row_columns(scores.metrics, other_model)
    return csv_text(columns, [row.cells(scores.metrics) for row in scores.rows])
