"""``index.html``: every row's video on one time axis, the true one on top, the worst second first.

Up to ``MAX_BYTES`` of videos the page holds them and loads nothing; beyond that it plays the files beside it.
"""

import base64
from pathlib import Path
from typing import Any
from urllib.parse import quote

from speechlip.files.shareable import folders_of, without_folders_anywhere
from speechlip.files.writing import write_text
from speechlip.metrics.statistics.blocks import BLOCK_FRAMES
from speechlip.rendering.records import FAILED, RenderRow, Renders
from speechlip.rendering.rows import GROUND_TRUTH, RowName
from speechlip.rendering.table import below_shuffled, cell, columns_of, of_network
from speechlip.timing import FPS
from speechlip.webpage.filling import filled

TEMPLATE = Path(__file__).with_name("index.html")
SCRIPT = Path(__file__).with_name("index.js")
PAGE = "index.html"
MAX_BYTES = 40_000_000
"""Of all videos together, that a page holds."""
HELD, BESIDE = "media-src data: blob:", "media-src 'self' file:"
"""What the page's content policy lets it play, by where the videos are."""
CURVE = "psnr"
NO_UNIT = ("ratio", "distance")


def write_page(renders: Renders) -> None:
    """Write the page into the renders' folder. Raises WriteError."""
    write_text(renders.folder / PAGE, page(renders))


def page(renders: Renders) -> str:
    """The page as text."""
    files = [renders.folder / row.name / renders.video for row in renders.rows if row.status != FAILED]
    held = sum(file.stat().st_size for file in files) <= MAX_BYTES
    text = filled(TEMPLATE, page_data(renders, held), SCRIPT)
    return text if held else text.replace(HELD, BESIDE, 1)


def page_data(renders: Renders, held: bool) -> dict[str, Any]:
    """What the page shows; it names no folder of this machine.

    held: the page has the videos in it.
    """
    metrics = [metric for metric in columns_of(renders) if metric.in_table]
    data = {
        "person": renders.person,
        "split": renders.split,
        "train_frames": renders.train_frames,
        "learned_frames": renders.learned_frames,
        "test_frames": renders.test_frames,
        "audio": renders.audio,
        "pose": renders.pose,
        "size": list(renders.size),
        "fps": FPS,
        "notes": [*of_network(renders), *renders.notes],
        "columns": [
            {
                "name": each.name,
                "title": each.title,
                "unit": "" if each.unit in NO_UNIT else each.unit,
                "higher": each.higher_is_better,
                "digits": each.digits,
            }
            for each in metrics
        ],
        "rows": [_row(renders, row, [each.name for each in metrics]) for row in renders.rows],
        "seconds": worst_first(renders),
    }
    here = [Path.cwd() / "here", Path.home() / "here", renders.folder / "here"]
    data = without_folders_anywhere(data, folders_of([str(path.absolute()) for path in here]))
    for row in data["rows"]:
        if row["status"] != FAILED:
            row["video"] = _video(renders, row["name"], held)
    return data


def _row(renders: Renders, row: RenderRow, columns: list[str]) -> dict[str, Any]:
    cells = {column: found for column in columns if (found := cell(renders, row, column))}
    return {
        "name": row.name,
        "meaning": RowName(row.name, row.encoder, row.shuffled).meaning,
        "encoder": row.encoder,
        "status": row.status,
        "reason": row.reason,
        "below": list(below_shuffled(renders, row)),
        "cells": {
            column: {
                "value": found.value,
                "low": _finite(found.interval.ci_low) if found.interval else None,
                "high": _finite(found.interval.ci_high) if found.interval else None,
                "gain": found.to_mean_crop.value if found.to_mean_crop else None,
                "gain_low": _finite(found.to_mean_crop.ci_low) if found.to_mean_crop else None,
                "gain_high": _finite(found.to_mean_crop.ci_high) if found.to_mean_crop else None,
            }
            for column, found in cells.items()
        },
        "curve": by_second(row, renders.test_frames),
    }


def by_second(row: RenderRow, frames: int) -> list[float | None]:
    """PSNR of every second of the test part, None where no frame of it was compared."""
    values = row.frames(CURVE)
    spans = (range(start, min(frames, start + BLOCK_FRAMES)) for start in range(0, frames, BLOCK_FRAMES))
    own = ([values[frame] for frame in span if frame in values] for span in spans)
    return [round(sum(each) / len(each), 3) if each else None for each in own]


def worst_first(renders: Renders) -> list[list[float]]:
    """(second, mean PSNR of the encoders' rows in it), the worst first.

    Without an encoder that rendered, of the rows that hear nothing.
    """
    rows = [row for row in renders.rows if row.status != FAILED and row.name != GROUND_TRUTH]
    heard = [row for row in rows if row.encoder and not row.shuffled] or rows
    curves = [by_second(row, renders.test_frames) for row in heard]
    seconds = []
    for second, values in enumerate(zip(*curves, strict=True)):
        known = [value for value in values if value is not None]
        if known:
            seconds.append([second, round(sum(known) / len(known), 3)])
    return sorted(seconds, key=lambda each: (each[1], each[0]))


def _video(renders: Renders, row: str, held: bool) -> str:
    if not held:
        return f"{quote(row)}/{quote(renders.video)}"
    content = (renders.folder / row / renders.video).read_bytes()
    return "data:video/mp4;base64," + base64.b64encode(content).decode()


def _finite(value: float) -> float | None:
    return round(value, 6) if value == value else None
