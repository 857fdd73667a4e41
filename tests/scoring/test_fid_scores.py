"""``--fid-weights``: one number of a folder, where it stands, and where it is refused."""

import json

import numpy as np
import pytest
from score_command import run

from here import in_this_process
from speechlip.metrics.sets import inception
from speechlip.scoring.folder import fid, job
from speechlip.scoring.scores import Scores
from zoo import write_clip

SHIFT = 40


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A file that stands for weights, which nobody opens."""
    monkeypatch.setattr(inception, "load_inception", lambda path: None)
    (tmp_path / "seeded.pth").write_text("weights")
    return tmp_path / "seeded.pth"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two grey clips of 6 frames of two levels, and renders brighter by 40. Its features: mean and a half."""
    monkeypatch.setattr(job, "outcomes", in_this_process)
    monkeypatch.setattr(fid, "LEAST_CLIPS", 2)
    monkeypatch.setattr(fid, "LEAST_FRAMES", 5)
    monkeypatch.setattr(
        fid,
        "_opened",
        lambda weights, device: lambda images: np.array([[each.mean(), each.mean() / 2] for each in images]),
    )
    for place, name in enumerate(("a.mp4", "b.mp4")):
        for side, more in (("gt", 0), ("renders", SHIFT)):
            (tmp_path / side).mkdir(exist_ok=True)
            levels = (80 + 10 * place + more + 20 * np.arange(6)).astype(np.uint8)
            write_clip(tmp_path / side / name, np.tile(levels[:, None, None, None], (1, 32, 32, 3)), None)
    return tmp_path


def scored(folder, weights, *words, reference="gt"):
    given = ("--metrics", "sharpness", "--fid-weights", weights, "--workers", "1", "-o", folder / "out")
    beside = ("--reference", folder / reference) if reference else ()
    return run(folder / "renders", *beside, *given, *words)


def test_a_shift_is_its_square_with_n_beside_it_and_is_kept(folder, weights, capsys, monkeypatch):
    assert scored(folder, weights) == 0
    (score,) = Scores.load(folder / "out").sets
    assert score.value == pytest.approx(SHIFT**2 * 1.25, rel=0.02)  # of the mean, and of half of it
    assert (score.clips, score.frames, score.frames_real, score.reason) == (2, 12, 12, "")
    assert score.network.startswith("seeded.pth ") and len(score.network.split()[1]) == 64
    assert f"FID ↓ {score.value:.2f}, of 12 frames of 2 clips beside 12 of their" in capsys.readouterr().out
    assert '"sets":[{"metric":"fid"' in (folder / "out" / "report.html").read_text()
    assert "fid" not in (folder / "out" / "scores.csv").read_text()
    assert score.network in (folder / "out" / "report.html").read_text()
    opened = fid._opened
    monkeypatch.setattr(fid, "_opened", None)  # kept: no frame is looked at again
    assert scored(folder, weights) == 0
    (kept,) = (folder / "out" / ".clips").glob("*.set")
    kept.write_text('{"metric": ')  # damaged: computed again
    monkeypatch.setattr(fid, "_opened", opened)
    assert scored(folder, weights) == 0 and json.loads(kept.read_text())["value"] == score.value


def test_a_folder_beside_itself_has_none(folder, weights):
    assert scored(folder, weights, reference="renders") == 0
    assert Scores.load(folder / "out").sets[0].value == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        (("LEAST_CLIPS", 3), "FID is not computed, too few clips: 2 with a real video, 3 are wanted"),
        (("LEAST_FRAMES", 13), "FID is not computed, too few frames: 12, 13 are wanted, or FID measures how"),
    ],
)
def test_few_are_refused_with_the_number(folder, weights, capsys, monkeypatch, limit, says):
    monkeypatch.setattr(fid, *limit)
    monkeypatch.setattr(fid, "_opened", None)  # frames are counted before the network looks at any
    assert scored(folder, weights) == 3
    assert says in capsys.readouterr().err
    assert json.loads((folder / "out" / "scores.json").read_text())["sets"][0]["value"] is None


def test_what_is_wrong_is_said_before_anything_is_scored(folder, capsys):
    assert scored(folder, folder / "none.pth", reference=None) == 1
    assert "--fid-weights compares renders with real videos; give --reference" in capsys.readouterr().err
    assert scored(folder, folder / "none.pth") == 1
    said = capsys.readouterr().err
    assert "none.pth cannot be read (No such file or directory); FID's Inception wants" in said
    assert not (folder / "out" / "scores.csv").exists()
