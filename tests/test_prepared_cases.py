"""Files that failed once (../shared/cases), through the command line."""

import json
import tarfile

import pytest

from preparing import prep

pytestmark = pytest.mark.early


def rows_of(out):
    return {row["source"]: row for row in map(json.loads, (out / "ledger.jsonl").read_text().splitlines())}


def metas(out):
    for shard in sorted((out / "data").glob("*.tar")):
        with tarfile.open(shard) as tar:
            yield from (json.load(tar.extractfile(member)) for member in tar if member.name.endswith(".json"))


def test_no_container_vanishes(real_cases, face_model, tmp_path):
    """Five of these six had no line in the ledger. Whatever can be decoded is kept, 3 s of each."""
    done = prep(real_cases / "mixed", "-o", tmp_path / "out", "--workers", 2)
    assert done.exit_code == 0, done.stderr
    rows = rows_of(tmp_path / "out")
    assert sorted(rows) == ["00001.MTS", "hls.ts", "movie.wmv", "obs.flv", "ok.mp4", "phone.3gp"]
    assert all(row["status"] == "kept" and row["seconds_kept"] >= 2.8 for row in rows.values()), rows


def test_two_people_are_counted_and_said(real_cases, face_model, tmp_path):
    done = prep(real_cases / "two_people.mp4", "-o", tmp_path / "out", "--workers", 1, "--quiet")
    assert done.exit_code == 0, done.stderr
    assert [(meta["faces_max"], meta["faces_median"]) for meta in metas(tmp_path / "out")] == [(2, 2.0)]
    (row,) = rows_of(tmp_path / "out").values()
    assert (row["faces_max"], row["faces_median"], row["several_faces_seconds"]) == (
        2,
        2.0,
        row["seconds_kept"],
    )
    assert (
        "several faces at once in 1 video (0:05.0 of the clips), two_people.mp4: "
        "the largest was paired with the sound" in done.stderr
    )
    assert "`speechlip edit select --where 'faces_max = 1'` keeps clips of one face" in done.stderr
    assert (
        "several faces are there at once, and nobody checked" in (tmp_path / "out" / "README.md").read_text()
    )
