"""Changed headers of seven containers: reading never hangs or crashes, and reports only lengths it read."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from mutations import CONTAINERS

pytestmark = pytest.mark.faults

SEED = 20261129
MUTANTS = int(os.environ.get("FAULTS_MUTANTS", "500"))
"""Mutants per container; for more: FAULTS_MUTANTS=10000 pytest -m faults tests/faults/test_header_fuzz.py"""
HANG_S = 60.0
LONGEST_S = 60.0
"""Of 1.6 s of video: a stamp that jumps is a hole of some length, no hour."""
MOST_MB = 1000


def lines_of(kind, first, count, folder):
    """(process, queue of its lines; None at its end)"""
    command = [
        sys.executable,
        str(Path(__file__).with_name("read_mutants.py")),
        kind,
        str(SEED),
        str(first),
        str(count),
        str(folder),
    ]
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    lines = queue.Queue()

    def pump():
        for line in child.stdout:
            lines.put(json.loads(line))
        lines.put(None)

    threading.Thread(target=pump, daemon=True).start()
    return child, lines


def read_all(kind, folder):
    """Number of a mutant → its result; one that hangs or dies is ``lost``, and the next one is read."""
    found, number = {}, 0
    while number < MUTANTS:
        child, lines = lines_of(kind, number, MUTANTS - number, folder)
        try:
            while (row := lines.get(timeout=HANG_S)) is not None:
                if row["number"] >= 0:
                    found[row["number"]] = row
                    number = row["number"] + 1
        except queue.Empty:
            found[number] = {"lost": f"nothing for {HANG_S:g} s"}
        finally:
            child.kill()
            child.wait()
        if number < MUTANTS:
            found.setdefault(number, {"lost": f"ended with exit code {child.returncode}"})
            number += 1
    return found


def wrong_with(row):
    """Why a mutant was not dealt with, or an empty text."""
    if "lost" in row or "raised" in row:
        return row.get("lost") or row["raised"]
    if "unexpected error" in row["reason"]:
        return f"{row['reason']}: {row['detail']}"
    lengths = {
        "planned": row["planned_s"],
        "in the ledger": row["seconds"],
        "exported": (row["frames"] if isinstance(row["frames"], int) else 0) / 25,
    }
    wrong = [
        f"{length_s:g} s {where}" for where, length_s in lengths.items() if not 0 <= length_s <= LONGEST_S
    ]
    return ", ".join(wrong) or (f"{row['peak_mb']} MB" if row["peak_mb"] > 800 + MOST_MB else "")


@pytest.mark.parametrize("kind", CONTAINERS)
def test_no_changed_header_does_harm(kind, tmp_path):
    found = read_all(kind, tmp_path)
    assert sorted(found) == list(range(MUTANTS))
    wrong = {number: why for number, row in found.items() if (why := wrong_with(row))}
    clips = sum(row.get("clips", 0) > 0 for row in found.values())
    reasons = Counter(row["reason"] for row in found.values() if row.get("reason"))
    print(
        f"{kind}: {MUTANTS} mutants (seed {SEED}), {clips} gave clips, {len(wrong)} wrong; "
        f"refused: {dict(reasons.most_common())}"
    )
    assert not wrong, f"{len(wrong)} of {MUTANTS}: {dict(list(wrong.items())[:10])}"
