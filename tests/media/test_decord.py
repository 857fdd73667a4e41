"""decord shows what PyAV shows, or says why it does not."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from flash_click import CASES, write
from shaped import disc, quadrants, set_matrix, write_parts
from test_colours import SKIN, TAGS, as_hdr, write_tagged

from speechlip.errors import SourceRefused
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe

pytest.importorskip("decord", reason="decord is not installed")
ALIKE = (
    "aac in mp4, B-frames, edit lists for priming",
    "variable rate",
    "23.976",
    "30, opus in webm (pre-skip)",
    "60",
)
ALIKE += (
    "odd size",
    "10-bit",
    "B-frames in avi, which has no presentation times",
    "both start at 1.6 s in mp4",
    "flv",
)


def shown(path, decoder):
    info = probe(path, need_audio=False)
    return [frame.image and frame.image.rgb().astype(int) for frame in read_frames(path, info, decoder)]


def refusal(path):
    with pytest.raises(SourceRefused) as refused:
        shown(path, "decord")
    assert refused.value.reason == "decord cannot read it" and refused.value.detail.endswith(
        "use --decoder pyav"
    )
    return refused.value.detail


@pytest.mark.parametrize("name", ALIKE)
def test_every_frame_has_the_same_image(tmp_path, name):
    recording = replace(CASES[name], noise=True)
    path = tmp_path / f"clip.{recording.extension}"
    write(path, recording)
    ours, theirs = shown(path, "pyav"), shown(path, "decord")
    assert len(ours) == len(theirs) > 50
    off = [mine - other for mine, other in zip(ours, theirs, strict=True)]
    limit = (
        3 if name in ("odd size", "10-bit") else 0.1
    )  # whose chroma decord's older swscale interpolates otherwise: noise shows it
    assert max(np.abs(each).mean() for each in off) < limit and abs(np.mean(off)) < 0.3


def test_tags_of_matrix_and_range_are_read_alike(tmp_path):
    path = write_tagged(tmp_path / "clip.mkv", SKIN, 8, 1, 1, 1, full=True)
    assert np.abs(shown(path, "pyav")[0] - shown(path, "decord")[0]).max() <= 2


def test_what_needs_more_than_decord_can(tmp_path):
    size = [quadrants(64, 48)] * 5
    turned = set_matrix(write_parts(tmp_path / "turned.mp4", [(size, 1)]), 0, 1, -1, 0)
    mirrored = set_matrix(write_parts(tmp_path / "mirrored.mp4", [(size, 1)]), -1, 0, 0, 1)
    oblong = write_parts(tmp_path / "oblong.mp4", [(size, "4/3")])
    bright = write_tagged(tmp_path / "bright.mkv", as_hdr(SKIN, "HLG"), 10, *TAGS["HLG"])
    needs = {
        turned: "rotation 90°",
        mirrored: "mirrored by the display matrix",
        oblong: "pixels 4:3 → square",
        bright: "HLG → SDR",
    }
    for path, need in needs.items():
        assert f"shows pictures as they are stored, and these need: {need}" in refusal(path)


def test_a_size_that_changes(tmp_path):
    path = write_parts(tmp_path / "clip.webm", [([disc(96, 64)] * 10, 1), ([disc(64, 96)] * 10, 1)])
    assert "scales every picture to the first one's size, and here it changes" in refusal(path)


def test_an_edit_list_that_hides_images(tmp_path):
    """As ``ffmpeg -ss 0.4 -c copy`` leaves it: the group of images before is in the file and is not shown."""
    with (
        av.open(str(write_parts(tmp_path / "whole.mp4", [([disc(64, 48)] * 30, 1)]))) as given,
        av.open(str(tmp_path / "cut.mp4"), "w") as made,
    ):
        stream = made.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.pts, packet.dts = (
                    int(ticks - Fraction(2, 5) / packet.time_base) for ticks in (packet.pts, packet.dts)
                )
                packet.stream = stream
                made.mux(packet)
    assert "pictures where the file shows 20" in refusal(tmp_path / "cut.mp4")
