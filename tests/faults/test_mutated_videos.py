"""Three hundred changed videos through four commands: each ends, no row is lost, nothing is unexpected.

Beside each lie the landmarks of a face that is always there, so that what can be read gives clips.
"""

import csv
import io
import json
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner
from mutations import CONTAINERS, mutant, small_video

from speechlip.commands.cli import export_features, prep_shards, score_sync
from speechlip.shards.checks.verify import verify

pytestmark = pytest.mark.faults

SEED, VIDEOS = 20261129, 300


def damaged(data, kind, number):
    """A changed header, changed bytes anywhere, a run of zeros, a missing piece, or two files in one."""
    rng = np.random.default_rng((SEED, 1, number))
    way = int(rng.integers(5))
    if way == 0:
        return mutant(data, kind, SEED + 1, number)
    at = int(rng.integers(len(data)))
    length = int(rng.integers(1, len(data) // 4))
    if way == 1:
        changed = bytearray(data)
        for each in rng.integers(len(data), size=int(rng.integers(1, 50))):
            changed[each] = int(rng.integers(256))
        return bytes(changed)
    if way == 2:
        return data[:at] + bytes(len(data[at : at + length])) + data[at + length :]
    if way == 3:
        return data[:at] + data[at + length :]
    return data[:at] + data[int(rng.integers(len(data))) :]


@pytest.fixture(scope="module")
def videos(talking, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mutated")
    whole, face = {kind: small_video(kind) for kind in CONTAINERS}, still_face(talking)
    for number in range(VIDEOS):
        kind = list(CONTAINERS)[number % len(CONTAINERS)]
        path = folder / f"{number:03d}.{'mp4' if kind == 'fragmented' else kind}"
        path.write_bytes(damaged(whole[kind], kind, number))
        path.with_suffix(".landmarks.npz").write_bytes(face)
    return folder


def still_face(talking):
    """A sidecar file: the points of a synthetic face, 44 px wide in images of 64×48, for a minute."""
    with np.load(min(talking.rglob("*.landmarks.npz"))) as given:
        points = given["landmarks"][0]
    points = (points - points.min(0)) / (points.max(0) - points.min(0)) * (44, 40) + (10, 4)
    file, n_frames = io.BytesIO(), 60 * 25
    np.savez_compressed(
        file,
        landmarks=np.repeat(points[None].astype(np.float32), n_frames, 0),
        time_s=np.arange(n_frames) / 25,
    )
    return file.getvalue()


def ended(command, *arguments):
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output[-2000:]
    return done


def test_prep_shards(videos, tmp_path):
    out, options = tmp_path / "out", ("--detector", "sidecar", "--min-clip", "0.4s", "--max-clip", "1.2s")
    done = ended(prep_shards, videos, "-o", out, *options, "--workers", 2, "--max-wait", "60s")
    assert done.exit_code == 0, done.output[-2000:]
    rows = [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]
    tell("prep-shards", [row["source"] for row in rows], Counter(row["reason"] for row in rows))
    assert all(0 <= row["seconds"] <= 60 for row in rows)
    report = verify(out)
    print(f"{report.clips} clips of {sum(row['clips'] > 0 for row in rows)} videos, no shard damaged")
    assert report.ok and report.clips == sum(row["clips"] for row in rows) > 100, report.problems


def test_export_features(videos, tmp_path):
    done = ended(export_features, "log-mel", videos, "-o", tmp_path / "out", "--max-wait", "60s")
    rows = [json.loads(line) for line in (tmp_path / "out" / "ledger.jsonl").read_text().splitlines()]
    tell("export-features", [row["source"] for row in rows], Counter(row["reason"] for row in rows))
    assert all(0 <= row["frames"] <= 1500 for row in rows) and done.exit_code in (0, 2, 3)


def test_score_sync(videos, tmp_path):
    options = ("--metrics", "cpbd", "--region", "full", "--workers", 2, "--max-wait", "60s")
    ended(score_sync, videos, "-o", tmp_path / "out", *options)
    with (tmp_path / "out" / "scores.csv").open(newline="") as file:
        rows = {row["clip"]: row["reason"] for row in csv.DictReader(file)}
    tell("score-sync", list(rows), Counter(rows.values()))


def test_audit(videos, tmp_path):
    done = ended(score_sync, videos, "-o", tmp_path / "out", "--audit")
    found = json.loads((tmp_path / "out" / "audit.json").read_text())
    refused = [line for line in done.output.splitlines() if line[:4].rstrip(".").isdigit() and ": " in line]
    print(f"score-sync --audit: {len(found)} audited, {len(refused)} refused, of {VIDEOS} (seed {SEED})")
    assert done.exit_code in (0, 3)


def tell(command, names, reasons):
    print(
        f"{command}: {len(names)} rows of {VIDEOS} changed videos (seed {SEED}): "
        f"{dict(reasons.most_common())}"
    )
    assert sorted(names) == sorted(set(names)) and len(names) == VIDEOS
    assert not [
        reason
        for reason in reasons
        if "unexpected" in reason or "crashed" in reason or "over the limit" in reason
    ]
