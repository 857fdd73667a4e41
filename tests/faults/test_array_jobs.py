"""Array jobs as processes of their own: side by side, the same share twice, one killed at any time."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.faults

SEED, ROUNDS = 20261129, int(os.environ.get("FAULTS_ARRAY_ROUNDS", "4"))
PREP = Path(sys.executable).with_name("prep-shards")
OPTIONS = ("--detector", "sidecar", "--workers", "1", "--quiet")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def step(videos, out, *given):
    return subprocess.Popen(
        [PREP, str(videos), "-o", str(out), *OPTIONS, *given],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def done(process):
    said = process.communicate(timeout=300)[1]
    return process.returncode, said


@pytest.fixture(scope="module")
def whole(talking, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    assert done(step(talking, out))[0] == 0
    return contents(out)


def test_jobs_side_by_side_and_killed_ones_give_the_bytes_of_one_run(talking, whole, tmp_path):
    """Two jobs have the same share; one of them is killed; one machine has the videos elsewhere."""
    rng, elsewhere = np.random.default_rng(SEED), shutil.copytree(talking, tmp_path / "elsewhere")
    begun_s, cut = time.monotonic(), 0
    for number in range(ROUNDS):
        out = tmp_path / str(number)
        assert done(step(talking, out, "--plan-only"))[0] == 0
        shares = (("0::2", talking), ("0::2", elsewhere), ("1::2", talking))
        jobs = [step(videos, out, "--units", share) for share, videos in shares]
        time.sleep(rng.uniform(1, 6))
        os.killpg(jobs[0].pid, signal.SIGKILL)
        codes = [done(job)[0] for job in jobs]
        cut += codes[0] != 0
        assert codes[1:] == [0, 0]
        code, said = done(step(talking, out, "--finish"))
        assert code == 0, said
        assert contents(out) == whole
    print(
        f"{ROUNDS} arrays of three jobs, {cut} jobs killed at work (seed {SEED}), "
        f"{time.monotonic() - begun_s:.0f} s: the bytes of one run"
    )


def test_a_video_that_went_away_is_missed_by_its_job_alone(talking, whole, tmp_path):
    videos, out = shutil.copytree(talking, tmp_path / "videos"), tmp_path / "out"
    assert done(step(videos, out, "--plan-only"))[0] == 0
    first = json.loads((out / ".work" / "plan.json").read_text().splitlines()[1])
    gone = videos / first["sources"][0]["source"]["name"]
    content = gone.read_bytes()
    gone.unlink()
    ended = [done(step(videos, out, "--units", f"{job}::4")) for job in range(4)]
    assert sorted(code for code, _ in ended) == [0, 0, 0, 1]
    assert any(
        f"{gone.name}' could be read when the plan was made, and is gone now" in said for _, said in ended
    )
    gone.write_bytes(content)
    assert [done(step(videos, out, "--units", f"{job}::4"))[0] for job in range(4)] == [0, 0, 0, 0]
    assert done(step(videos, out, "--finish"))[0] == 0
    assert contents(out) == whole
