"""A disk that cannot be read or is full, a clock that goes backwards, and signals, at seeded moments.

Each run ends with the bytes of an undisturbed one, or in one sentence; then the same command goes on to them.
The faults come from a library before the C library (``bad_disk.c``), so they reach FFmpeg and Python alike.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from stage import nobody_left
from test_kills import digests

pytestmark = pytest.mark.faults

SEED = 20261130
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def videos(talking, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two") / "videos"
    for speaker in sorted(path for path in talking.iterdir() if path.is_dir())[:2]:
        shutil.copytree(speaker, folder / speaker.name)
    return folder


@pytest.fixture(scope="module")
def whole(stage, videos, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "shards"
    assert stage.run(prep(videos, out))[0] == 0
    return out


def prep(videos, out):
    return ["prep-shards", videos, "-o", out, "--detector", "sidecar", "--workers", "1", "--quiet"]


def ends_so(stage, videos, out, whole, words, **faults):
    """Whether a fault was met: then it is said with these words, and the same command goes on."""
    code, said = stage.run(prep(videos, out), **faults)
    if code:
        assert code == 1 and said[-1].startswith("error: ") and words in said[-1], said
        assert not (out / "manifest.json").exists()
        assert stage.run(prep(videos, out))[0] == 0
    assert digests(out) == digests(whole)
    return bool(code)


def test_a_read_error_in_the_middle_of_a_video(stage, videos, whole, tmp_path):
    """Once, at one of the readings of its second half; and for as long as the run takes."""
    rng, met = np.random.default_rng(SEED), 0
    name = sorted(videos.rglob("*.mp4"))[1].relative_to(videos)
    once = tmp_path / "once"
    for number in rng.choice(12, 3, replace=False):
        once.write_bytes(bytes(number))
        words = f"{str(name)!r} (unreadable file: input/output error: "
        faults = {"FAULT_READ": name, "FAULT_ONCE": once}
        met += ends_so(stage, videos, tmp_path / str(number), whole, words, **faults)
    assert met
    assert ends_so(stage, videos, tmp_path / "always", whole, str(name), FAULT_READ=name)
    print(f"a read error at 3 moments (seed {SEED}): {met} ended in one sentence, then the same bytes")


def test_a_full_disk(stage, videos, whole, tmp_path):
    rng, met, left = np.random.default_rng(SEED), 0, tmp_path / "left"
    for number in rng.choice(40, 3, replace=False):
        left.write_bytes(bytes(number))
        out = tmp_path / f"shards-{number}"
        faults = {"FAULT_FULL": out, "FAULT_LEFT": left}
        met += ends_so(stage, videos, out, whole, "No space left on device", **faults)
    assert met
    print(f"a full disk at 3 moments (seed {SEED}): {met} ended in one sentence, then the same bytes")


def test_a_clock_that_goes_backwards_changes_nothing(stage, videos, whole, tmp_path):
    """Videos are of tomorrow, and every look at the clock shows an earlier minute."""
    tomorrow = time.time() + 86400
    own = shutil.copytree(videos, tmp_path / "videos")
    for path in own.rglob("*"):
        os.utime(path, (tomorrow, tomorrow))
    for _ in range(2):
        assert stage.run(prep(own, tmp_path / "shards"), FAULT_CLOCK=1)[0] == 0
        assert digests(tmp_path / "shards") == digests(whole)


@pytest.mark.parametrize(
    "command",
    [
        "verify-shards {own}",
        "speechlip edit select {own} -o {out} --where n_frames>0 --quiet",
        "speechlip export-clips {own} -o {out} --quiet",
        "speechlip align {own} -o {out} --from none --workers 1 --quiet",
        "inspect-shards {own} -o {out} --quiet",
    ],
)
def test_a_shard_that_cannot_be_read(stage, whole, tmp_path, command):
    shard = min((whole / "data").glob("*.tar"))
    words = command.format(own=whole, out=tmp_path / "out").split()
    code, said = stage.run(words, FAULT_READ=f"/data/{shard.name}")
    assert code == 1
    assert [line for line in said if shard.name in line and "Input/output error" in line], said
    assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_in_one_sentence(stage, videos, whole, tmp_path, number, code):
    """A process of its own, with the server that its workers are forked from."""
    rng, met = np.random.default_rng((SEED, number)), 0
    for wait_s in (0.0, *rng.uniform(0.1, 2, 2)):
        out = tmp_path / f"{wait_s:.3f}"
        command = [BIN / "prep-shards", *map(str, prep(videos, out)[1:])]
        process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        while not (out / ".work").exists() and process.poll() is None:
            time.sleep(0.02)
        time.sleep(wait_s)
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
        assert process.returncode in (0, code) and "Traceback" not in said, said
        met += process.returncode == code
        assert not process.returncode or said.strip().endswith("the same command goes on where it stopped")
        assert nobody_left(process.pid)
        assert stage.run(prep(videos, out))[0] == 0
        assert digests(out) == digests(whole)
    assert met
