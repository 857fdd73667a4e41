"""Real files whose stamps start again, jump or mean nothing, through the three commands that read videos."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from preparing import prep
from speechlip.commands.cli import export_features, score_sync

pytestmark = pytest.mark.early

FRAMES = {"back_120s.mp4": 250, "epoch.mkv": 40, "long_then_short.mp4": 250, "neg.mkv": 35}
BROKEN = "scale.avi"


@pytest.fixture(scope="module")
def videos(real_cases, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clock")
    for name in [*FRAMES, BROKEN]:
        shutil.copy(next(real_cases.rglob(name)), folder)
    return folder


def rows(out):
    return {row["source"]: row for row in map(json.loads, (out / "ledger.jsonl").read_text().splitlines())}


def test_prep_shards_counts_what_is_there(videos, tmp_path):
    done = prep(videos, "-o", tmp_path / "out", "--detector", "cascade")
    assert done.exit_code == 0, done.stderr
    ledger = rows(tmp_path / "out")
    assert {name: round(row["seconds"] * 25) for name, row in ledger.items() if name != BROKEN} == FRAMES
    for name in FRAMES:
        assert (
            ledger[name]["seconds_kept"] >= ledger[name]["seconds"] - 0.2
            and "dropped_frames" not in ledger[name]["damage"]
        )
    assert [len(ledger[name]["clip_frames"]) for name in ("long_then_short.mp4", "back_120s.mp4")] == [2, 2]
    assert (
        "stamps jump by -6.000 s at 6.000 s: read on without a gap"
        in ledger["long_then_short.mp4"]["corrected"]
    )
    assert (ledger[BROKEN]["reason"], ledger[BROKEN]["seconds"]) == ("no usable time stamps", 0)


def test_the_plan_is_not_bent(videos, tmp_path):
    done = prep(videos, "-o", tmp_path / "out", "--dry-run", "--detector", "cascade")
    assert "5 videos, 0:23.0" in done.stdout


def test_export_features_has_a_row_for_each_frame(videos, tmp_path):
    done = CliRunner().invoke(export_features, ["tiny_speech:tiny", str(videos), "-o", str(tmp_path)])
    assert done.exit_code == 3
    for name, frames in FRAMES.items():
        assert len(np.load(tmp_path / name.partition(".")[0] / "aud_hu.npy")) == frames
    assert rows(tmp_path)[BROKEN]["reason"] == "no usable time stamps"


def test_score_sync_reads_each_to_its_end(videos, tmp_path):
    with pytest.raises(SystemExit) as ended:
        score_sync([str(videos), "-o", str(tmp_path), "--audit"])
    assert ended.value.code == 3
    clips = {clip["clip"]: clip for clip in json.loads((tmp_path / "audit.json").read_text())}
    assert {name: clips[name]["frames"] for name in FRAMES} == FRAMES
