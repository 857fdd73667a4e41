"""Rows that papers printed, for orientation beside one's own: other videos, other pipelines, never a baseline
of this run.

The rows lie in ``published.yaml`` as printed (a null is "N/A" or not printed). Rows that come from elsewhere
than the papers are kept apart.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("published.yaml")
APART = "unseeded_rows"
NOTES = {
    "se4lip_tab3": (
        "SE4Lip, table 3",
        "video “May”, 6072 frames, 25 fps, 512×512; NeRF is SyncTalk, 3DGS is TalkingGaussian",
    ),
    "se4lip_tab4": ("SE4Lip, table 4", "speech of other speakers; NeRF"),
    "se4lip_tab6": ("SE4Lip, table 6", "ablation; video “May”"),
    "speech2lip_tab1": (
        "Speech2Lip, table 1",
        "image metrics in the mouth region; Sync is SyncNet's confidence; set I: “May”, 500×500; "
        "set II: “Obama2”, 624×624; "
        "atvg, makeittalk, wav2lip and pc_avs were trained on a large extra corpus",
    ),
    "synctalk_ave_readme_may": ("SyncTalk, read-me", "video “May”, with and without portrait mode"),
    "pase_v3_avhubert_second_hand": ("PASE and AV-HuBERT, second hand", ""),
}


@dataclass(frozen=True)
class PublishedTable:
    """One printed table. apart: it does not come from the paper itself. rows: (section, method, value per
    column as printed, "" where none).
    """

    id: str
    title: str
    note: str
    apart: bool
    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]


def published_tables() -> tuple[PublishedTable, ...]:
    """Every table of ``published.yaml``, those of other origin last.

    >>> tables = published_tables()
    >>> tables[0].title, tables[0].columns[3], tables[0].rows[5]
    ('SE4Lip, table 3', 'LSE_C', ('NeRF', 'se4lip', ('32.2301', '0.0399', '2.8725', '8.7098', '6.1255')))
    >>> [table.id for table in tables if table.apart]
    ['synctalk_ave_readme_may', 'pase_v3_avhubert_second_hand']
    """
    printed = yaml.load(
        FILE.read_text(encoding="utf-8"), Loader=yaml.BaseLoader
    )  # BaseLoader: digits stay text, 10.200 stays 10.200
    apart = printed.pop(APART)
    return (
        *(_table(name, body, False) for name, body in printed.items()),
        *(_table(name, body, True) for name, body in apart.items()),
    )


def _table(name: str, body: dict[str, Any], apart: bool) -> PublishedTable:
    title, note = NOTES.get(name, (name, ""))
    columns = tuple(body.get("columns", ())) or tuple(
        dict.fromkeys(key for row in _mappings(body) for key in row)
    )
    rows = [
        row
        for section, content in body.items()
        if section not in ("columns", "better", "source")
        for row in _rows(section, content, columns)
    ]
    return PublishedTable(
        name, title, "; ".join(filter(None, (note, body.get("source", "")))), apart, columns, tuple(rows)
    )


def _mappings(body: dict[str, Any]) -> list[dict[str, str]]:
    return [
        row
        for content in body.values()
        if isinstance(content, dict)
        for row in content.values()
        if isinstance(row, dict)
    ]


def _rows(section: str, content: Any, columns: tuple[str, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    """A list is a row of its own; a mapping holds rows, as lists by column or as mappings; single numbers
    belong to the last column.
    """
    if isinstance(content, list):
        return [("", section, _as_printed(content))]
    if section == "large_extra_data":  # said in the note
        return []
    rows = []
    for method, values in content.items():
        if isinstance(values, dict):
            values = [values.get(column, "") for column in columns]
        elif isinstance(values, str):
            values = [""] * (len(columns) - 1) + [values]
        rows.append((section, method, _as_printed(values)))
    return rows


def _as_printed(values: list[str]) -> tuple[str, ...]:
    return tuple("" if value == "null" else value for value in values)
