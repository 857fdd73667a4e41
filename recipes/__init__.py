"""One file per dataset: licence, citation, access and splits first, then the sources.

The folder listing is the registry.

A recipe is a module with the names of ``Recipe``; ``_template.py`` is one to start from. Other packages add
recipes by an entry point in the group ``speechlip.recipes`` whose value is such a module; a built-in name
cannot be replaced.
"""

import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from speechlip.errors import OptionError
from speechlip.plugins import Registry

if TYPE_CHECKING:
    from speechlip.records import Source

if __name__ != "speechlip.recipes":
    raise ImportError(f"import speechlip.recipes, not {__name__}: docs/architecture.md says why")

RECIPES = Registry(
    "recipe",
    "speechlip.recipes",
    {
        module.name: f"{__name__}.{module.name}"
        for module in pkgutil.iter_modules(__path__)
        if not module.name.startswith("_")
    },
    has=("TITLE", "LICENCE", "CITATION", "ACCESS", "HOMEPAGE", "SPLITS", "sources"),
)


class Recipe(Protocol):
    """What a recipe module declares.

    NAME: as ``--recipe`` takes it.
    TITLE: the dataset's name, for people.
    LICENCE: an SPDX identifier or ``unknown``.
    CITATION: BibTeX, or empty.
    ACCESS: how one comes by the data.
    HOMEPAGE: an address, or empty.
    SPLITS: the official splits; None where there are none.

    A module may also declare LANGUAGE, the ISO 639 code of what is spoken, for the card.
    """

    NAME: str
    TITLE: str
    LICENCE: str
    CITATION: str
    ACCESS: str
    HOMEPAGE: str
    SPLITS: tuple[str, ...] | None

    def sources(self, root: Path, exclude: Path | None = None) -> "Iterator[Source]":
        """The videos under ``root`` in a fixed order, without what lies in the folder ``exclude``."""


def names() -> list[str]:
    """Names of all recipes, sorted.

    >>> {"folder", "synthetic"} <= set(names())
    True
    """
    return sorted(RECIPES.names())


def get(name: str) -> Recipe:
    """The recipe of that name, imported now. Raises OptionError for an unknown name or a broken plug-in.

    >>> get("folder").TITLE
    'Any folder of talking videos'
    """
    return cast(Recipe, RECIPES.get(name))


def listed(name: str, root: Path, exclude: Path | None = None) -> "Iterator[Source]":
    """The sources of a recipe. Raises OptionError for a plug-in that fails or yields something else."""
    from speechlip.records import Source

    recipe = get(name)
    with RECIPES.guard(name):
        for source in recipe.sources(root, exclude=exclude):
            if not isinstance(source, Source):
                raise OptionError(
                    f"recipe {name!r} yields {type(source).__name__}, wanted speechlip.records.Source"
                )
            yield source
