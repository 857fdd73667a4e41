"""``prep-shards`` as a test calls it."""

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from speechlip.commands.cli import prep_shards

BIN = Path(sys.executable).parent


def prep(*arguments):
    """Run prep-shards in this process; click's result, with ``exit_code``, ``stdout``, ``stderr``."""
    return CliRunner().invoke(prep_shards, [str(argument) for argument in arguments], catch_exceptions=False)


def prep_process(*arguments, **options):
    """As a program of its own, as people run it."""
    return subprocess.run(
        [BIN / "prep-shards", *map(str, arguments)], capture_output=True, text=True, **options
    )
