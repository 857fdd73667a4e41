"""``--metrics brisque`` with a fit of one's own, and without."""

import hashlib
import json

import numpy as np
import pytest
from score_command import run, table

from here import in_this_process
from small_fit import write_fit
from speechlip.errors import OptionError
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.metrics.image.brisque import brisque, load_brisque
from speechlip.scoring.folder import job
from speechlip.scoring.options import ScoreOptions
from zoo import write_clip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A clip of 4 frames of noise."""
    monkeypatch.setattr(job, "outcomes", in_this_process)
    frames = np.random.default_rng(3).integers(60, 200, (4, 64, 64, 3), np.uint8)
    (tmp_path / "renders").mkdir()
    write_clip(tmp_path / "renders" / "a.mp4", frames, None)
    return tmp_path


def scored(folder, *words):
    return run(folder / "renders", "-o", folder / "out", "--workers", "1", "--metrics", "brisque", *words)


def test_the_mean_over_frames_and_what_fit_it_is_by(folder):
    model = write_fit(folder / "fit")
    assert scored(folder, "--brisque-model", model) == 0
    (row,) = table(folder / "out")
    path, fit = folder / "renders" / "a.mp4", load_brisque(model)
    images = [frame.rgb() for frame in read_frames(path, probe(path, need_audio=False))]
    assert float(row["brisque"]) == pytest.approx(np.mean([brisque(fit, image) for image in images]))
    scores = json.loads((folder / "out" / "scores.json").read_text())
    assert scores["models"] == {
        name: hashlib.sha256((folder / "fit" / name).read_bytes()).hexdigest()
        for name in ("allmodel", "allrange")
    }
    (folder / "fit" / "allrange").write_text((folder / "fit" / "allrange").read_text().replace("-1 1", "0 1"))
    assert scored(folder, "--brisque-model", model) == 0  # other ranges: the clip is scored again
    assert table(folder / "out")[0]["brisque"] != row["brisque"]


def test_without_a_fit_the_score_is_missing_and_says_how(folder, capsys):
    assert scored(folder) == 3
    (row,) = table(folder / "out")
    assert (row["brisque"], row["reason"]) == ("", "brisque: no BRISQUE model")
    assert "--brisque-model FILE, an epsilon-SVR as libsvm writes it" in capsys.readouterr().err


def test_a_file_that_is_no_fit_ends_the_run(folder, capsys):
    (folder / "allmodel").write_bytes(b"\x80\x04pickle\xff")
    assert scored(folder, "--brisque-model", folder / "allmodel") == 1
    assert "it is no text; a pickle or a .mat file is not read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"brisque_model": "m"}, "--brisque-model goes with metric brisque"),
        ({"metrics": "brisque", "brisque_range": "r"}, "--brisque-range goes with --brisque-model FILE"),
    ],
)
def test_options_without_what_they_go_with(given, says):
    with pytest.raises(OptionError, match=says):
        ScoreOptions(**given)


def test_neither_a_group_nor_the_default_asks_for_it():
    for names in ("image", "default"):
        assert "brisque" not in ScoreOptions(names).metrics
