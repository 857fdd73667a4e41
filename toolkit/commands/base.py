"""What every command does with an error: one line, and an exit code."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click
from speechlip.errors import SpeechLipError
from speechlip.remote.names import is_remote

USAGE, NOTHING_KEPT, INTERRUPTED = 1, 2, 130
FILE = click.Path(path_type=Path)


class _Shards(click.ParamType):
    """A prepared folder: a path here, the text as it is elsewhere (``Path`` would take a slash from ``hf://``)."""

    name = "shards"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | Path:
        return value if is_remote(value) else Path(value)


SHARDS = _Shards()
cache_option = click.option(
    "--cache", type=FILE, help="Of shards at hf:// or https://: keep them whole in this folder.  [default: stream them]"
)


class _OneLineErrors:
    """Usage errors and SpeechLipErrors become one line on stderr and exit code 1; Ctrl-C says how to go on."""

    def main(self, *args: Any, **kwargs: Any) -> None:
        sys.exit(self._exit_code(*args, **kwargs))

    def _exit_code(self, *args: Any, **kwargs: Any) -> int:
        try:
            return super().main(*args, **(kwargs | {"standalone_mode": False})) or 0  # type: ignore[misc]
        except click.ClickException as error:
            error.show()
        except SpeechLipError as error:
            click.echo(f"error: {error}", err=True)
        except (click.Abort, KeyboardInterrupt):
            click.echo("stopped; the same command goes on where it stopped", err=True)
            return INTERRUPTED
        return USAGE


class Command(_OneLineErrors, click.Command):  # type: ignore[misc]
    """A command of speechlip."""


class Group(_OneLineErrors, click.Group):  # type: ignore[misc]
    """A group of commands of speechlip."""

    command_class = Command


command = partial(click.command, cls=Command)
