"""What a command line takes as a place: a path here, a URL elsewhere, or either; anything else is refused
before the command begins.

docs/how-to/stores.md has the table of what takes URLs.
"""

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from speechlip.errors import OptionError
from speechlip.remote.names import name_or_url, path_or_url
from speechlip.urls import COPY_HERE, COPY_THERE, is_elsewhere, path_here, refuse_secrets


class Place(click.ParamType):
    """Anything that lies somewhere. completes: what a shell offers, ``file`` or ``dir``."""

    name = "path"
    completes = "file"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type=self.completes)]


class Here(Place):
    """A path on this disk, also of ``file://``. A URL is refused; else_do: what to do instead."""

    def __init__(self, else_do: str) -> None:
        self.else_do = else_do

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        return path_here(given(value, param), said_as(param), self.else_do)


class Shards(Place):
    """A prepared folder: a path here, also of ``file://``, the text as it is elsewhere.

    ``Path`` would take a slash from ``hf://``.
    """

    name = "shards"
    completes = "dir"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | Path:
        return path_or_url(given(value, param))


class End(Place):
    """Where a preparation reads or writes: a path here or a URL, as the text that it is."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return refuse_secrets(value) if is_elsewhere(given(value, param)) else value


class Model(click.ParamType):
    """The name of a model, or the folder of a run here or elsewhere."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return name_or_url(value)


def given(value: Any, param: click.Parameter | None) -> Any:
    """The place itself. Raises OptionError for an empty text, which would be the folder one is in."""
    if value == "":
        raise OptionError(f"{said_as(param)} is empty; give a path (is a variable of your script unset?)")
    return value


def said_as(param: click.Parameter | None) -> str:
    """How a parameter is written: ``--reference``, ``-o``, ``RENDERS``."""
    if isinstance(param, click.Option):
        return param.opts[0]
    return param.human_readable_name if param else "this argument"


FILE = Here(COPY_HERE)
RESULT = Here(COPY_THERE)
OWN = Here("give a folder here")
END = End()
SHARDS = Shards()
MODEL = Model()
