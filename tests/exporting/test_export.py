"""``export_features`` from Python: options that are refused when they are made, and the record that comes
back.
"""

from fractions import Fraction

import numpy as np
import pytest
import soundfile
import tiny_speech  # noqa: F401

from here import in_this_process
from kept_progress import KeptProgress
from speechlip import ExportOptions, export_features
from speechlip.errors import OptionError
from speechlip.exporting import job


@pytest.fixture(autouse=True)
def read_in_this_process(monkeypatch):
    monkeypatch.setattr(job, "outcomes", in_this_process)


def test_the_record_says_what_became_of_every_file(tmp_path):
    (tmp_path / "videos").mkdir()
    noise = np.random.default_rng(0).normal(0, 3000, 16000).astype(np.int16)
    soundfile.write(tmp_path / "videos" / "may.wav", noise, 16000, subtype="PCM_16")
    (tmp_path / "videos" / "empty.mp4").write_bytes(b"")
    told, options = KeptProgress(), ExportOptions(renderers=("ad-nerf",), device="cpu")
    done = export_features("tiny_speech:wide", tmp_path / "videos", tmp_path / "out", options, progress=told)
    assert done.counts == {"failed": 1} and [row.why for row in done.failed] == [
        "probe: empty file (0 bytes)"
    ]
    assert told.stages == [("exporting tiny_speech-wide", 1, "videos", 0)] and told.done == 1
    assert told.said == ["empty.mp4: probe: empty file (0 bytes)"]
    alone = export_features("tiny_speech:wide", str(tmp_path / "videos" / "may.wav"), str(tmp_path / "out"))
    assert alone.counts == {"exported": 1} and alone.rows[0].frames == 25
    assert (
        alone.files == ("aud_tiny_speech-wide.npy", "aud_ds.npy", "aud.npy")
        and "aud_hu.npy" in alone.left_out
    )
    assert all((tmp_path / "out" / "may" / name).is_file() for name in alone.files)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"renderers": ("er-nerd",)}, "no renderer 'er-nerd'; there are: sync-talk, er-nerf"),
        ({"train_share": Fraction(11, 10)}, "'11/10' is no share above 0 and up to 1"),
        ({"device": "gpu9"}, "no device 'gpu9'; there are: auto, cpu, cuda"),
        ({"train_share": Fraction(0)}, "'0' is no share above 0 and up to 1"),
    ],
)
def test_options_that_cannot_be_are_refused_when_they_are_made(options, words):
    with pytest.raises(OptionError, match=words):
        ExportOptions(**options)
