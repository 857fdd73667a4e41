"""What every command has in common: help, version, names to choose from, errors as one line, exit codes."""

import io
import re
import signal
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

import click
from click.shell_completion import CompletionItem

from speechlip.checks import AUTO
from speechlip.commands.places import OWN
from speechlip.commands.signals import hear_signals
from speechlip.commands.terminal import echo
from speechlip.device import DEVICES
from speechlip.encoders.registry import ENCODERS
from speechlip.errors import ERROR, SpeechLipError, exit_code
from speechlip.faces.detectors.registry import DETECTORS
from speechlip.plugins import Registry
from speechlip.remote.names import name_or_url
from speechlip.wording import visible
from speechlip.workers.engines import ENGINES, LOCAL

NOT_WINDOWS = "speechlip runs on Linux and macOS; on Windows take WSL: `wsl --install`, then a clone in there"
PIPE_ENDED = "a process that this run needs was ended from outside; the same command goes on where it stopped"
SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True}


class Named(click.Choice):
    """One of some names, which help lists and the shell completes; of a registry, plug-ins are completed too.

    Any text passes: whoever uses the name knows them all, and refuses another with the list. A URL with
    credentials in it does not.
    """

    def __init__(self, names: Registry | Iterable[str]) -> None:
        super().__init__(names.choices() if isinstance(names, Registry) else names)
        self.names = names

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return name_or_url(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        known = dict.fromkeys(self.choices)
        if isinstance(self.names, Registry):
            known |= dict.fromkeys(self.names.names())
        return [CompletionItem(name) for name in known if name.startswith(incomplete)]


class Names(Named):
    """Some of these names, with commas between them."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return f"[{','.join(self.choices)}]"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        given, comma, last = incomplete.rpartition(",")
        return [
            CompletionItem(given + comma + item.value) for item in super().shell_complete(ctx, param, last)
        ]


class _Workers(click.ParamType):
    """A number of processes from 1 on, or ``auto``."""

    name = "workers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if value != AUTO and not re.fullmatch("0*[1-9][0-9]*", str(value)):
            self.fail(f"{value!r} is no whole number from 1 on, nor {AUTO!r}", param, ctx)
        return AUTO if value == AUTO else int(value)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return f"[N|{AUTO}]"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(AUTO)] if AUTO.startswith(incomplete) else []


DEVICE = Named(DEVICES)
DETECTOR = Named(DETECTORS)
ENCODER = Named(ENCODERS)
AUTO_WORKERS = "auto: as many as cores, free memory and units of work allow."


def workers_option(help: str) -> Any:
    """``--workers`` of a command; docs/decisions/workers-auto.md has the rule."""
    return click.option("--workers", type=_Workers(), default=AUTO, help=f"{help} {AUTO_WORKERS}")


cache_option = click.option(
    "--cache",
    type=OWN,
    help="Of shards at hf://, https:// or s3://: keep them whole in this folder.  [default: stream them]",
)


spool_option = click.option(
    "--spool", default="20GB", help="Where VIDEO_DIR is a URL: videos on this disk at any time, at most."
)


def work_option(where: str) -> Any:
    """``--work``, of commands that read or write where the sentence ``where`` says."""
    return click.option(
        "--work",
        type=OWN,
        show_default="in SPEECHLIP_HOME/work",
        help=f"Where {where}: the folder to work in, which holds all shards until they are uploaded.",
    )


def limit_options(command: Any) -> Any:
    """``--max-wait``, ``--max-memory`` and ``--max-picture`` of commands that read videos.

    docs/decisions/limits.md has their reasons.
    """
    picture = click.option(
        "--max-picture",
        default="40MP",
        help="Refuse a video whose pictures have more pixels; 8K has 33 million.",
    )
    return worker_limit_options(picture(command))


def worker_limit_options(command: Any) -> Any:
    """``--max-wait`` and ``--max-memory``, which do not change the bytes of what is made."""
    wait = click.option(
        "--max-wait", default="10min", help="Give a video up that gets no further for so long; 0: never."
    )
    memory = click.option(
        "--max-memory", default="4GiB", help="Give a video up whose process holds more memory; 0: never."
    )
    return wait(memory(command))


def engine_options(command: Any) -> Any:
    """``--engine``, and what ``--engine ray`` asks of its cluster."""
    engine = click.option("--engine", type=Named(ENGINES), default=LOCAL, help="What runs the workers.")
    address = click.option(
        "--ray-address",
        show_default="auto: the cluster of this machine",
        help="With --engine ray: HOST:PORT of a cluster; local: one of this machine alone.",
    )
    cpus = click.option(
        "--cpus-per-unit", type=float, show_default="1", help="With --engine ray: cores for one unit of work."
    )
    gpus = click.option("--gpus-per-unit", type=float, show_default="0", help="With --engine ray: GPUs.")
    return engine(address(cpus(gpus(command))))


def correction_options(command: Any) -> Any:
    """``--correct-confidence`` and ``--correct-frames``, for commands that move audio.

    docs/decisions/offsets-that-may-be-acted-on.md says what they decide.
    """
    confidence = click.option(
        "--correct-confidence",
        type=float,
        help="Least confidence of an offset that is corrected; a number counts alone.  "
        "[default: 3 for SyncNet, 0.1 for runs, and an interval clear of 0]",
    )
    frames = click.option(
        "--correct-frames",
        default="2-14",
        metavar="LEAST-GREATEST",
        help="Offsets that are corrected; the search ends at 15.",
    )
    return confidence(frames(command))


class _Common:
    """-h and --version; usage errors and SpeechLipErrors become one line on stderr and exit code 1.

    Ctrl-C ends it with the sentence how to go on.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(
            *args, **(kwargs | {"context_settings": SETTINGS | kwargs.get("context_settings", {})})
        )
        click.version_option(package_name="speechlip")(self)  # type: ignore[type-var]

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Called without words, as a script does, it is the whole process: a signal that comes while Python
        shuts down ends it without any, as all is written and said.
        """
        is_script = not (args or "args" in kwargs)
        try:
            self.main(*args, **kwargs)
        finally:
            for each in (signal.SIGINT, signal.SIGTERM) if is_script else ():
                signal.signal(each, signal.SIG_DFL)

    def main(self, *args: Any, **kwargs: Any) -> None:
        sys.exit(self._exit_code(*args, **kwargs))

    def _exit_code(self, *args: Any, **kwargs: Any) -> int:
        if sys.platform == "win32":
            echo(f"error: {NOT_WINDOWS}", err=True)
            return ERROR
        try:
            hear_signals()
            return super().main(*args, **(kwargs | {"standalone_mode": False})) or 0  # type: ignore[misc]
        except click.ClickException as error:
            shown = io.StringIO()
            error.show(shown)
            echo(shown.getvalue().rstrip("\n"), err=True)
        except SpeechLipError as error:
            echo(f"error: {visible(str(error))}", err=True)
        except OSError as error:
            echo(f"error: {os_words(error)}", err=True)
        except (click.Abort, KeyboardInterrupt) as error:
            if isinstance(
                error.__cause__, EOFError
            ):  # click takes the end of any pipe for that of the terminal
                echo(f"error: {PIPE_ENDED}", err=True)
                return ERROR
            echo("stopped; the same command goes on where it stopped", err=True)
            return exit_code(error.__cause__ or error)
        return ERROR


def os_words(error: OSError) -> str:
    """What the system refused, of which file, and what to do.

    >>> os_words(OSError(28, "No space left on device", "scores/scores.csv"))
    'scores/scores.csv: No space left on device; mend that and run the same command again'
    """
    about = f"{error.filename}: " if error.filename else ""
    return (
        f"{about}{error.strerror or error or type(error).__name__}; mend that and run the same command again"
    )


class Command(_Common, click.Command):  # type: ignore[misc]
    """A command of speechlip."""


class Group(_Common, click.Group):  # type: ignore[misc]
    """A group of commands of speechlip."""

    command_class = Command


command = partial(click.command, cls=Command)
