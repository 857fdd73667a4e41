"""``prep-shards`` as a test calls it: in this process, as a program, or in a process to be killed."""

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from speechlip.commands.cli import prep_shards
from speechlip.preparing import prep_run, prepare
from speechlip.preparing.plan.inspecting import inspect_in_turn

BIN = Path(sys.executable).parent


def prep(*arguments):
    """Run prep-shards in this process; click's result, with ``exit_code``, ``stdout``, ``stderr``."""
    return CliRunner().invoke(prep_shards, [str(argument) for argument in arguments], catch_exceptions=False)


def prep_process(*arguments, **options):
    """As a program of its own, as people run it."""
    return subprocess.run(
        [BIN / "prep-shards", *map(str, arguments)], capture_output=True, text=True, **options
    )


def prep_without_workers(pipe, *arguments):
    """The target of a forked process that does all the work itself: no library is imported for it anew."""
    prep_run.get_engine = lambda *given: one_after_another
    prepare.inspect_on, prepare.start_server = lambda *given: inspect_in_turn, lambda: None
    prep(*arguments)


def one_after_another(work, units, workers):
    """An engine without processes."""
    while units:
        work(units.popleft(), lambda source, seconds: None)
        yield from ()
