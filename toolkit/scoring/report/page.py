"""``report.html``: one page about one scoring run, in one file that asks nothing of a network.

The page is ``report.html`` and the scripts of this package with the run's numbers put in as JSON; the page
draws them itself. It writes every name as text, and its content policy forbids it to load anything.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from speechlip.files.shareable import command_without_folders, folders_of, without_folders_anywhere
from speechlip.files.writing import write_text
from speechlip.metrics.sync.columns import OF_MOUTH_MODELS, OF_OTHER_MODELS
from speechlip.metrics.table import metric as metric_of
from speechlip.scoring.report.published import published_tables
from speechlip.scoring.scores import Scores
from speechlip.webpage.filling import filled

TEMPLATE = Path(__file__).with_name("report.html")
SCRIPTS = [TEMPLATE.with_name(f"{name}.js") for name in ("summary", "charts", "report")]
STRIPS = ("strip_render", "strip_reference")
PATHS = ("render", "reference", "driving_audio")
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def write_report(scores: Scores, path: Path) -> None:
    """Write the page. Raises WriteError where it cannot be written."""
    write_text(Path(path), page(scores))


def page(scores: Scores) -> str:
    """The page as text, ASCII but for the template's own words. Raises ValueError for an infinite number."""
    return filled(TEMPLATE, page_data(scores), *SCRIPTS)


def page_data(scores: Scores) -> dict[str, Any]:
    """What the page shows: the scores, what their columns are, and the published tables.

    It names files and no folder of this machine, so that the page can be sent.
    """
    content = scores.as_dict()
    paths = [clip[name] for clip in content["clips"] for name in PATHS]
    data = {
        **{name: value for name, value in content.items() if name not in ("clips", "metrics", "options")},
        "command": command_without_folders(scores.command),
        "columns": [with_real(name, scores.metrics) for name in shown_columns(scores.metrics)],
        "clips": [_with_names_only(_with_safe_strips(clip)) for clip in content["clips"]],
    }
    shared = without_folders_anywhere(
        data, folders_of([*paths, Path.cwd() / "here", Path.home() / "here"]), leave=STRIPS
    )
    return {**shared, "published": [asdict(table) for table in published_tables()]}


def shown_columns(metrics: Sequence[str]) -> list[str]:
    """The columns to show: those that were asked for, a sync model's in LSE's place, none that stands beside
    another.

    >>> shown_columns(["offset_frames", "windows", "psnr", "sync_confidence"])
    ['sync_confidence', 'offset_frames', 'psnr']
    """
    asked = [metric for metric in map(metric_of, metrics) if not metric.beside]
    first = [metric for metric in asked if metric in (*OF_OTHER_MODELS, *OF_MOUTH_MODELS)]
    return [metric.name for metric in [*first, *(each for each in asked if each not in first)]]


def column(name: str) -> dict[str, Any]:
    """What a column is, for the page.

    ``higher`` is None where neither way is better; then the number farthest from 0 is the worst.

    >>> column("psnr")
    {'name': 'psnr', 'title': 'PSNR', 'unit': 'dB', 'higher': True, 'family': 'psnr',
     'signed': False, 'digits': 2, 'mean_digits': 2}
    """
    metric = metric_of(name)
    return {
        "name": metric.name,
        "title": metric.title,
        "unit": "" if metric.unit in ("distance", "ratio") else metric.unit,
        "higher": metric.higher_is_better,
        "family": metric.family,
        "signed": metric.lowest < 0,
        "digits": metric.digits,
        "mean_digits": metric.mean_digits,
    }


def with_real(name: str, metrics: Sequence[str]) -> dict[str, Any]:
    """``column``, and the name of the column of the real video's number, None where there is none."""
    real = f"{name}_real"
    return column(name) | {"real": real if real in metrics else None}


def _with_safe_strips(clip: dict[str, Any]) -> dict[str, Any]:
    """A filmstrip that is no base64 is none."""
    return clip | {name: "" for name in STRIPS if not BASE64.fullmatch(clip[name])}


def _with_names_only(clip: dict[str, Any]) -> dict[str, Any]:
    """Files by their names: a page that is sent does not say where they lay."""
    return clip | {name: Path(clip[name]).name for name in PATHS if clip[name]}
