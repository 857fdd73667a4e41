"""Commands one after another, each in a process forked from one that has imported the libraries: what a fault
makes of a command is looked at without the seconds that every new interpreter takes.

As a script: a line of stdin is a command, {"words": [...], "environment": {...}, "said": FILE}. Its process
id is the answer, and when it has ended its exit code. Workers are forked from the command, too.
"""

import atexit
import gc
import importlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

IMPORTED = [
    "cv2",
    "matplotlib.pyplot",
    "pocketsphinx",
    "praatio.textgrid",
    "pyarrow.parquet",
    "skimage.feature",
    "soundfile",
    "torchaudio",
    "speechlip.aligning.align",
    "speechlip.benchmarking.benchmark",
    "speechlip.editing.select",
    "speechlip.exporting.clips",
    "speechlip.exporting.export",
    "speechlip.gallery.write",
    "speechlip.judging.job",
    "speechlip.preparing.prepare",
    "speechlip.rendering.render",
    "speechlip.scoring.folder.job",
    "speechlip.shards.checks.verify",
    "speechlip.training.train",
]


class Stage:
    """The script as a process, with ``library`` before the C library."""

    def __init__(self, folder: Path, library: Path | None = None) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        if library:
            environment["LD_PRELOAD"] = str(library)
        self._folder, self._count = folder, 0
        self._script = subprocess.Popen(
            [sys.executable, __file__], stdin=-1, stdout=-1, text=True, env=environment
        )
        assert self._script.stdout.readline() == "ready\n"

    def begin(self, words, **environment) -> int:
        """Start a command; its process id, which is that of its group, too."""
        self._count += 1
        self._said = self._folder / str(self._count)
        typed = {
            "words": list(map(str, words)),
            "environment": {name: str(value) for name, value in environment.items()},
            "said": str(self._said),
        }
        self._script.stdin.write(json.dumps(typed) + "\n")
        self._script.stdin.flush()
        return int(self._script.stdout.readline())

    def end(self) -> tuple[int, list[str]]:
        """(exit code, lines of stdout and stderr) of the command; none has a traceback."""
        code, said = int(self._script.stdout.readline()), self._said.read_text()
        assert "Traceback" not in said, said
        return code, said.strip().splitlines()

    def run(self, words, **environment) -> tuple[int, list[str]]:
        self.begin(words, **environment)
        return self.end()

    def killed(self, words, after_s, number) -> tuple[int, list[str]]:
        """A command that gets a signal after so long, as a terminal or ``kill`` sends it.

        Nobody of it is left.
        """
        group = self.begin(words)
        time.sleep(after_s)
        with suppress(ProcessLookupError):
            os.kill(group, number) if number == signal.SIGTERM else os.killpg(group, number)
        ending = self.end()
        assert nobody_left(group)
        return ending

    def close(self) -> None:
        self._script.stdin.close()
        self._script.wait(60)


def nobody_left(group, within_s=20) -> bool:
    """Whether every process of a group has gone."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def main() -> None:
    from speechlip.workers import processes

    for name in IMPORTED:
        importlib.import_module(name)
    take_little_time()
    processes.process_context = lambda light=False: multiprocessing.get_context("fork")
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    answers.write("ready\n")
    for line in sys.stdin:
        if pid := os.fork():
            answers.write(f"{pid}\n")
            answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        else:
            answers.close()
            become(**json.loads(line))


def take_little_time() -> None:
    """A lip network of one layer, one control, no process that measures costs."""
    import tiny_benchmark
    import torch

    from speechlip.benchmarking import row, tasks
    from speechlip.benchmarking.projection import projection_head
    from speechlip.encoders.networks import pair
    from tiny_lips import TinyLips

    torch.set_num_threads(1)
    pair.LipEncoder = projection_head.LipEncoder = TinyLips
    row.measured_cost = tiny_benchmark.no_cost
    tasks.CONTROLS, tasks.LIPS = {tiny_benchmark.SHUFFLED: "has to be at chance"}, tiny_benchmark.SHUFFLED


def become(words: list[str], environment: dict[str, str], said: str) -> None:
    """This process is the command from here on; it ends as a script does, but for the libraries' own ends."""
    from speechlip.commands import cli

    os.setsid()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)
    file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(environment)
    sys.argv = words
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        getattr(cli, words[0].replace("-", "_"))()
    except SystemExit as ending:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ending.code)


if __name__ == "__main__":
    main()
