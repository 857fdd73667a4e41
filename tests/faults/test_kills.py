"""prep-shards, killed with its process group at thirty random times, ends with the bytes of a single run."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from speechlip.shards.checks.verify import verify

pytestmark = pytest.mark.faults

SEED, KILLS = 20261129, int(os.environ.get("FAULTS_KILLS", "30"))
PREP_SHARDS = Path(sys.executable).parent / "prep-shards"


def command(videos, out):
    return [
        PREP_SHARDS,
        videos,
        "-o",
        out,
        "--detector",
        "cascade",
        "--workers",
        "2",
        "--shard-size",
        "300KB",
        "--quiet",
    ]


def digests(folder):
    """Path → SHA-256 of every file, hidden ones too."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def killed(arguments, after_s):
    """Whether the command was still there to be killed after so long; else it must have ended well."""
    process = subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        _, said = process.communicate(timeout=after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0, said
    return False


def test_kills_leave_the_same_bytes(talking, tmp_path):
    begun_s = time.monotonic()
    subprocess.run(command(talking, tmp_path / "whole"), check=True)
    whole_s = time.monotonic() - begun_s
    wanted, rng, kills, rounds = digests(tmp_path / "whole"), np.random.default_rng(SEED), 0, 0
    assert len(wanted) > 5 and verify(tmp_path / "whole").ok
    while kills < KILLS:
        out, rounds = tmp_path / f"round-{rounds}", rounds + 1
        while kills < KILLS and killed(command(talking, out), float(rng.uniform(0, 0.7 * whole_s))):
            kills += 1
        subprocess.run(command(talking, out), check=True)
        assert digests(out) == wanted
    print(
        f"{kills} kills −9 of the group (seed {SEED}) in {rounds} folders, "
        f"a run of {whole_s:.1f} s: the same bytes in each"
    )
