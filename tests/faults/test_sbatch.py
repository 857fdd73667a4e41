"""What docs/how-to/cluster.md has for SLURM, run as it stands there: the bytes of one run.

SLURM itself cannot be here. ``sbatch.sh`` stands for its ``sbatch``.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from preparing import BIN, prep

pytestmark = pytest.mark.faults

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "cluster.md"
OPTIONS = ("--detector", "sidecar", "--shard-size", "200kB")


def blocks():
    """The fenced blocks of the section on SLURM: job, submission, repetition."""
    _, _, section = PAGE.read_text().partition("### With SLURM\n")
    return re.findall(r"^```text\n(.*?)^```$", section.partition("\n## ")[0], re.DOTALL | re.MULTILINE)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def run(talking, tmp_path):
    """Run a block of the page with ``bash``, for three tasks instead of 64, on these videos."""
    shutil.copy(Path(__file__).with_name("sbatch.sh"), tmp_path / "sbatch")
    (tmp_path / "sbatch").chmod(0o755)
    out = tmp_path / "out"
    elsewhere = {
        "/data/videos -o /data/shards": f"{talking} -o {out} {' '.join(OPTIONS)}",
        "0-63%16": "0-2%2",
        "::64": "::3",
        "3,17": "1",
    }

    def here(text):
        for of_page, ours in elsewhere.items():
            text = text.replace(of_page, ours)
        return text

    job, *_ = blocks()
    (tmp_path / "prepare.sbatch").write_text(here(job))

    def run_block(number, **environment):
        own = {"PATH": f"{tmp_path}:{BIN}:{os.environ['PATH']}", "QUEUE": str(tmp_path / "queue")}
        done = subprocess.run(
            ["bash", "-eu", "-c", here(blocks()[number])],
            cwd=tmp_path,
            env={**os.environ, **own, **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert (done.returncode, done.stderr) == (0, "")

    return run_block


def codes(folder, job):
    """Exit codes of a job's tasks."""
    return (folder / "queue" / str(job)).read_text().split()


def test_the_blocks_of_the_page_give_the_bytes_of_one_run(run, talking, tmp_path):
    """Plan, array, end; a task gets SIGTERM in the middle of a shard, is named by the end, and repeated."""
    assert prep(talking, "-o", tmp_path / "whole", *OPTIONS, "--quiet").exit_code == 0
    run(1, STOPPED="1")
    assert [codes(tmp_path, job) for job in (1, 2, 3)] == [["0"], ["0", "143", "0"], ["1"]]
    log = tmp_path / "prepare-2_1.log"
    assert log.read_text().strip() == "stopped; the same command goes on where it stopped"
    assert re.search(
        r"1 of \d units is missing: \S+; no manifest.json", (tmp_path / "slurm-3.out").read_text()
    )
    run(2)
    assert [codes(tmp_path, job) for job in (4, 5)] == [["0"], ["0"]]
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_an_array_does_not_begin_where_the_plan_failed(run, talking, tmp_path):
    (tmp_path / "out").write_text("not a folder")
    run(1)
    assert [codes(tmp_path, job) for job in (1, 2, 3)] == [["1"], [], ["1"]]
