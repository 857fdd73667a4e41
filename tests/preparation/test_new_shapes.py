"""A video whose image changes its size: each size is its own span, no mouth is squashed."""

import json

import cv2
import numpy as np
import pytest
from shaped import write_parts

from preparing import prep
from speechlip.media.probe import probe
from speechlip.preparing.cut.passes import observe
from speechlip.preparing.options import PrepOptions
from speechlip.records import Source
from speechlip.scoring.clip.faces import check_one_size
from speechlip.scoring.clip.first_reading import Watched
from speechlip.scoring.clip.kept_frames import what_to_keep
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.protocols import get
from speechlip.scoring.transcode.codec_path import through
from speechlip.shards.read.shard import read_shard
from zoo import read_clip


@pytest.fixture(scope="module")
def turned(talking, tmp_path_factory):
    """A synthetic person who speaks: 1.6 s at half the size, then 1.6 s at full size in a wider image."""
    frames, audio = read_clip(sorted(talking.rglob("*.mp4"))[0])
    side = frames.shape[1]
    small = [cv2.resize(image, (side // 2, side // 2), interpolation=cv2.INTER_AREA) for image in frames[:40]]
    wide = [
        np.pad(image, ((0, 0), (side // 4, side // 4), (0, 0)), constant_values=90) for image in frames[40:80]
    ]
    path = tmp_path_factory.mktemp("turned") / "anna" / "call.mkv"
    path.parent.mkdir()
    return write_parts(path, [(small, 1), (wide, 1)], kind="webm", audio=np.resize(audio, 80 * 640))


def test_a_track_ends_where_the_size_changes(turned):
    seen = observe(
        Source(turned, "call", ""), probe(turned), PrepOptions(detector="cascade"), lambda name, seconds: None
    )
    assert [(track.start_frame, track.stop_frame) for track in seen.tracks] == [(0, 40), (40, 80)]
    widths = [np.median(track.boxes[:, 2] - track.boxes[:, 0]) for track in seen.tracks]
    assert widths[1] / widths[0] == pytest.approx(2, rel=0.1)
    assert all(inside.all() for inside in seen.mouth_inside)


def test_two_clips_and_a_row_that_says_it(turned, tmp_path):
    done = prep(turned.parents[1], "-o", tmp_path / "out", "--detector", "cascade", "--split", "train=1")
    assert done.exit_code == 0, done.stderr
    row = json.loads((tmp_path / "out" / "ledger.jsonl").read_text())
    assert row["clip_frames"] == [40, 40] and row["dropped"] == {}
    assert "from 1.60 s on {1}×{0}".format(*wide_size(turned)) in row["corrected"]
    shard = next((tmp_path / "out" / "data").glob("*.tar"))
    assert [json.loads(clip["json"])["corrected"] for clip in read_shard(str(shard))] == [
        row["corrected"]
    ] * 2


def wide_size(path):
    info = probe(path)
    return 2 * info.height, 3 * info.width


def test_what_has_one_size_only_refuses(turned, tmp_path):
    info = probe(turned)
    keep, _ = what_to_keep(1, ScoreOptions(("lse",)), None)
    watched = Watched(turned, info, "cascade", get("direct").tracks, keep)
    assert all(frame.image for frame in watched.frames())
    seen = watched.faces.result
    faces = seen.tracks
    assert set(faces.sizes) == {(info.width, info.height), wide_size(turned)[::-1]} and seen.corrected
    with pytest.raises(Exception, match=r"picture size changes.*LMD is measured in pixels of one size"):
        check_one_size(faces, "LMD")
    with pytest.raises(Exception, match="picture size changes"):
        through(get("wav2lip"), turned, info, turned, tmp_path)
