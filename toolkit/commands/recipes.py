"""``speechlip recipes``: the datasets that prep-shards knows."""

import shutil
import textwrap
from itertools import zip_longest

from speechlip.commands.base import command
from speechlip.commands.terminal import echo
from speechlip.errors import OptionError
from speechlip.recipes import get, names

HEAD = ("recipe", "dataset", "licence", "official splits", "how to get it")
WIDTHS = (10, 24, 18, 15)
SPACE = "  "


@command("recipes", epilog="\b\nExample:\n  speechlip recipes\n  prep-shards grid/ --recipe grid -o shards/")
def recipes() -> None:
    """List the recipes: dataset, licence, official splits, and how to come by the videos."""
    left = shutil.get_terminal_size((140, 24)).columns - sum(WIDTHS) - len(SPACE) * len(WIDTHS)
    widths = (*WIDTHS, max(left, 30))
    for cells in (HEAD, *map(declared, names())):
        echo(lines(cells, widths))


def declared(name: str) -> tuple[str, ...]:
    """One row of the table; a recipe of another package that cannot be imported says so."""
    try:
        recipe = get(name)
        return (
            name,
            recipe.TITLE,
            recipe.LICENCE,
            ", ".join(recipe.SPLITS or ("none",)),
            f"{recipe.ACCESS} {recipe.HOMEPAGE}",
        )
    except OptionError as error:
        return name, "", "", "", str(error)


def lines(cells: tuple[str, ...], widths: tuple[int, ...]) -> str:
    """Cells as columns of these widths, wrapped.

    >>> print(lines(("grid", "GRID corpus"), (6, 6)))
    grid    GRID
            corpus
    """
    wrapped = [
        textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False)
        for cell, width in zip(cells, widths, strict=True)
    ]
    rows = zip_longest(*wrapped, fillvalue="")
    return "\n".join(
        SPACE.join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
