"""``speechlip edit``, killed with SIGKILL at random times, ends with the bytes of a single run."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from test_kills import digests, killed

from speechlip import Clip, ShardOptions, ShardWriter, Source
from speechlip.shards.checks.verify import verify

pytestmark = pytest.mark.faults

SEED, KILLS = 20261129, int(os.environ.get("FAULTS_EDIT_KILLS", "12"))
SPEECHLIP = Path(sys.executable).parent / "speechlip"


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Sixteen speakers of noise in shards of one clip or two."""
    folder = tmp_path_factory.mktemp("given") / "shards"
    rng = np.random.default_rng(0)
    with ShardWriter(folder, ShardOptions(shard_bytes=500_000)) as writer:
        for number in range(16):
            name = f"{number}.mp4"
            source = Source(name, name, name[:-4], split="train" if number % 3 else "test")
            for start in (0, 40):
                lips = rng.integers(0, 256, (30, 96, 96, 3), np.uint8)
                audio = rng.integers(-9000, 9000, 640 * 30, np.int16)
                clip = Clip(source, 0, start, lips, audio, None, None, 0.5, 80.0, 0)
                writer.write(clip, source_sha256=f"{number:064x}")
    return folder


def test_kills_leave_the_same_bytes(shards, tmp_path):
    def command(out):
        return [SPEECHLIP, "edit", "select", shards, "-o", out, "--where", "speaker != '4'", "--quiet"]

    begun_s = time.monotonic()
    subprocess.run(command(tmp_path / "whole"), check=True)
    whole_s = time.monotonic() - begun_s
    wanted, rng, kills, rounds = digests(tmp_path / "whole"), np.random.default_rng(SEED), 0, 0
    assert verify(tmp_path / "whole").ok
    while kills < KILLS:
        out, rounds = tmp_path / f"round-{rounds}", rounds + 1
        while kills < KILLS and killed(command(out), float(rng.uniform(0.5, 1.0) * whole_s)):
            kills += 1
        subprocess.run(command(out), check=True)
        assert digests(out) == wanted
    print(f"{kills} kills −9 of an edit (seed {SEED}) in {rounds} folders: the same bytes in each")
