"""Single processes of a run, killed at seeded times: workers, and the server that they are forked from.

Workers are killed while they start, work or wait. Nothing ends in a traceback; the same command tries a video
again that two kills lost; in the end the bytes are those of an undisturbed run.
"""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.faults

SEED, ROUNDS = 20261129, int(os.environ.get("FAULTS_WORKER_ROUNDS", "6"))
BIN = Path(sys.executable).parent


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def children(pid):
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []


def shot_at(arguments, rng, shots):
    """Run a command and kill ``shots`` processes below it.

    Returns its exit code, its stderr, and how many workers and servers were killed.
    """
    process = subprocess.Popen(
        list(map(str, arguments)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    workers = servers = 0
    while process.poll() is None and workers + servers < shots:
        time.sleep(rng.uniform(0.05, 0.6))
        forkers = [
            child
            for child in children(process.pid)
            if b"forkserver" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]
        below = [worker for forker in forkers for worker in children(forker)]
        if not below:
            continue
        aimed = below if rng.random() < 0.8 else forkers
        try:
            os.kill(int(rng.choice(aimed)), signal.SIGKILL)
        except ProcessLookupError:
            continue
        workers, servers = workers + (aimed is below), servers + (aimed is forkers)
    _, said = process.communicate(timeout=300)
    return process.returncode, said, workers, servers


def until_done(arguments, rng):
    """Exit codes of the command until it ends well, the last time left in peace."""
    total = np.zeros(2, int)
    for shots in (4, 4, 0):
        code, said, *kills = shot_at(arguments, rng, shots)
        total += kills
        assert "Traceback" not in said and code in (0, 1, 3), said
        if code == 0:
            break
    assert code == 0, said
    return total


@pytest.mark.parametrize("command", ["prep-shards", "score-sync"])
def test_kills_of_single_processes_lose_nothing(talking, tmp_path, command):
    typed = {
        "prep-shards": ["prep-shards", talking, "--detector", "sidecar", "--workers", "2", "-o"],
        "score-sync": ["score-sync", talking, "--metrics", "cpbd", "--workers", "2", "-o"],
    }[command]
    typed[0] = BIN / typed[0]
    rng, total = np.random.default_rng(SEED), np.zeros(2, int)
    subprocess.run(
        [*map(str, typed), str(tmp_path / "whole")],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for number in range(ROUNDS):
        out = tmp_path / str(number)
        total += until_done([*typed, out], rng)
        if command == "prep-shards":
            assert contents(out) == contents(tmp_path / "whole")
        else:
            assert (out / "scores.csv").read_text() == (tmp_path / "whole" / "scores.csv").read_text()
    assert total[0] >= ROUNDS
    print(
        f"{command}: {total[0]} workers and {total[1]} servers killed in {ROUNDS} runs (seed {SEED}): "
        "the same bytes, no traceback"
    )
