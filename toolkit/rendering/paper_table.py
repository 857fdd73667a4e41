"""The numbers of a run in the shape of a paper's table, and the printed rows below, for orientation only."""

from speechlip.errors import OptionError
from speechlip.metrics import table
from speechlip.rendering.records import FAILED, RenderRow, Renders
from speechlip.rendering.rows import GROUND_TRUTH, OWN_FRAMES
from speechlip.rendering.table import renderer_words
from speechlip.scoring.report.published import published_tables

TABLES = {"3": "se4lip_tab3", "4": "se4lip_tab4", "6": "se4lip_tab6"}
"""Number of a table of SE4Lip → its id among the published ones."""
APART = "printed in {title}: other people, other renderers, whole frames; no ranking with the rows above"


def check_table(number: str, driven: bool) -> None:
    """Raise OptionError for table 4 without other audio, or another one with it.

    driven: by other audio.
    """
    if (number == "4") != driven:
        wanted = (
            "table 4 is of other speech: give it with --audio"
            if number == "4"
            else (f"table {number} compares with the true video, and other audio has none: take --table 4")
        )
        raise OptionError(f"{wanted}, or leave --table out")


def paper_table(renders: Renders, number: str) -> str:
    """Two blocks: this run's encoders and its true frames, and the rows that the paper printed.

    number: 3, 4 or 6, of SE4Lip.
    """
    (printed,) = (each for each in published_tables() if each.id == TABLES[number])
    columns = [column.lower() for column in printed.columns]
    head = [f"{table.metric(column).title} {table.metric(column).arrow}" for column in columns]
    shown = [row for row in renders.rows if not row.shuffled and (row.encoder or _true(row))]
    own = [[row.name, "", *(_number(row, column) for column in columns)] for row in shown]
    theirs = [
        [method, section, *(value or "-" for value in values)] for section, method, values in printed.rows
    ]
    to = f" to {renders.audio}" if renders.audio else ""
    lines = _aligned([["", "", *head], *own, [], *theirs])
    apart = APART.format(title=printed.title) + (f"; {printed.note}" if printed.note else "")
    title = f"{renders.person}{to}, {renderer_words(renders.renderer)}, mouth region"
    return "\n".join([title, *lines[: len(own) + 1], "", apart, *lines[len(own) + 2 :]])


def _true(row: RenderRow) -> bool:
    return row.name in (GROUND_TRUTH, OWN_FRAMES)


def _number(row: RenderRow, column: str) -> str:
    if row.status == FAILED or column not in row.values:
        return "-"
    return f"{row.values[column]:.{table.metric(column).digits}f}"


def _aligned(rows: list[list[str]]) -> list[str]:
    filled = [row for row in rows if row]
    widths = [max(len(row[at]) for row in filled) for at in range(len(filled[0]))]
    left = "{:<{}}  {:<{}}"
    return [
        left.format(row[0], widths[0], row[1], widths[1])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[2:], widths[2:], strict=True))
        if row
        else ""
        for row in rows
    ]
