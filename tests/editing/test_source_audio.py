"""The audio of a source out of its clips: placed by hand, with moved audio, overlaps and holes."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from folders import clip_of

from speechlip import ShardOptions, ShardWriter, Source
from speechlip.commands.cli import speechlip
from speechlip.editing.given import open_given
from speechlip.editing.source_audio import source_audio
from speechlip.progress import SILENT


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Clips cut out of 100 frames of noise: 0–20, 10–34 of a second face, and 60–88 with audio moved by 3."""
    whole = np.random.default_rng(0).integers(-9000, 9000, 64000, np.int16)
    folder = tmp_path_factory.mktemp("cut") / "shards"
    source = Source("a.mp4", "a.mp4", "ann", split="train", transcript="Say no more.")
    with ShardWriter(folder, ShardOptions(detector="mine")) as writer:
        for start, n_frames, track, delay in ((0, 20, 0, 0), (10, 24, 1, 0), (60, 28, 0, 3)):
            audio = whole[640 * (start - delay) : 640 * (start - delay + n_frames)]
            clip = replace(clip_of(source, start, n_frames, 0), audio=audio, track=track, delay_frames=delay)
            writer.write(clip, source_sha256="0" * 64)
    return whole, open_given(folder, SILENT).samples, folder


def test_each_clip_lies_where_it_was_said(made):
    whole, samples, _ = made
    audio = source_audio(samples, 100)
    there = np.zeros(100, bool)
    there[0:34], there[57:85] = True, True
    assert np.array_equal(audio.is_there, there)
    assert audio.missing_s == pytest.approx(0.04 * 38)
    assert np.array_equal(audio.samples, np.where(np.repeat(there, 640), whole, 0))


def test_clips_that_end_behind_the_stated_length_count(made):
    assert len(source_audio(made[1], 10).is_there) == 85


def test_a_transcript_of_more_than_the_clips_hold_is_not_squeezed_into_them(made, tmp_path):
    done = CliRunner().invoke(speechlip, ["align", str(made[2]), "-o", str(tmp_path / "out")])
    assert (done.exit_code, done.stderr.count("error: ")) == (1, 1) and "Traceback" not in done.stderr
    assert "none of 1 video gets phones, so nothing is written: audio is not whole" in done.stderr
    assert "the clips lack 0.9 of its 3.4 s" in done.stderr
    assert [*(tmp_path / "out").iterdir()] == []
