"""Every command that writes results, on a disk that is full at seeded writes or cannot be read in the middle
of a file, and under a clock that goes backwards.

Each run ends with the results of an undisturbed one, or in sentences with an exit code that is not 0 and
whole files; then the same command goes on to those results.
"""

import numpy as np
import pytest
from whole_files import not_whole

pytestmark = pytest.mark.faults

SEED, MOMENTS = 20261130, 2
MANY = 100_000
"""More writes than any of the commands needs."""
COMMANDS = (
    *("score-sync", "score-encoder", "export-features", "export-clips"),
    *("align", "render-lips", "judge", "train-encoder"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_disk_and_a_bad_clock(stage, given, tmp_path, command):
    from every_command import CASES

    case, left, rng = CASES[command], tmp_path / "left", np.random.default_rng((SEED, len(command)))
    left.write_bytes(bytes(MANY))
    whole = tmp_path / "whole"
    counted = {"FAULT_FULL": whole, "FAULT_LEFT": left, "FAULT_CLOCK": "1"}
    code, said = stage.run(case.words(given, whole), **counted)
    assert code == 0, said
    wanted, writes = case.made(whole), MANY - left.stat().st_size

    def goes_on(out, code, said, codes, words):
        assert code in codes and words in "\n".join(said).lower(), (code, said)
        assert not not_whole(out) and not list(out.rglob("*.part"))
        code, said = stage.run(case.words(given, out))
        assert code == 0 and case.made(out) == wanted, said

    for number in rng.choice(writes, MOMENTS, replace=False):
        left.write_bytes(bytes(int(number)))
        out = tmp_path / f"full-{number}"
        ending = stage.run(case.words(given, out), FAULT_FULL=out, FAULT_LEFT=left)
        assert ending[1][-1].startswith("error: "), ending
        goes_on(out, *ending, (1,), "no space left on device")
    out = tmp_path / "read"
    goes_on(out, *stage.run(case.words(given, out), FAULT_READ=case.read), (1, 3), "input/output error")
    print(f"{command}: {MOMENTS} of {writes} writes on a full disk (seed {SEED}), a read error, a bad clock")


def test_a_disk_that_is_full_while_features_are_mapped(stage, given, tmp_path):
    """A real, small file system: only there a mapped file has holes that cannot be filled."""
    import subprocess

    from every_command import CASES

    case, disk = CASES["score-encoder"], tmp_path / "disk"
    disk.mkdir()
    small = ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", disk]
    if subprocess.run(small, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        code, said = stage.run(case.words(given, disk / "out"))
        assert code == 1 and "train.npy: No space left on device" in said[-1], said
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        assert stage.run(case.words(given, disk / "out"))[0] == 0
    finally:
        subprocess.run(["umount", disk], check=True)
