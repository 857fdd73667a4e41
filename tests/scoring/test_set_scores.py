"""``--fid-weights`` and ``--fvd-weights``: one number of a folder, where it stands, where it is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from score_command import run

from here import in_this_process
from speechlip.media.frames import Frame
from speechlip.scoring.folder import job, set_metrics
from speechlip.scoring.folder.set_metrics import FID, FVD, Videos
from speechlip.scoring.scores import Scores
from zoo import write_clip

SHIFT = 40
SMALL = {"fid": replace(FID, least=5), "fvd": replace(FVD, window=3, least=3)}
TITLES = {"fid": "FID", "fvd": "FVD (VideoGPT)"}


@pytest.fixture(params=["fid", "fvd"])
def asked(request):
    return request.param


@pytest.fixture
def use(asked, monkeypatch):
    """Puts fields into the one metric there is."""

    def changed(**fields):
        (now,) = set_metrics.SET_METRICS
        monkeypatch.setattr(set_metrics, "SET_METRICS", (replace(now, **fields),))

    monkeypatch.setattr(set_metrics, "SET_METRICS", (SMALL[asked],))
    return changed


@pytest.fixture
def folder(tmp_path, monkeypatch, use, asked):
    """Two grey clips of 6 frames of two levels, and renders brighter by 40. Its features: mean and a half of
    each window.
    """
    window = SMALL[asked].window
    monkeypatch.setattr(job, "outcomes", in_this_process)
    monkeypatch.setattr(set_metrics, "LEAST_CLIPS", 2)
    use(opened=lambda weights, device: lambda images: features(images, window))
    (tmp_path / "seeded.pth").write_text("weights")
    for place, name in enumerate(("a.mp4", "b.mp4")):
        for side, more in (("gt", 0), ("renders", SHIFT)):
            (tmp_path / side).mkdir(exist_ok=True)
            levels = (80 + 10 * place + more + 20 * np.arange(6)).astype(np.uint8)
            write_clip(tmp_path / side / name, np.tile(levels[:, None, None, None], (1, 32, 32, 3)), None)
    return tmp_path


def features(images, window):
    means = np.array([each.mean() for each in images]).reshape(-1, window).mean(axis=1)
    return np.stack([means, means / 2], axis=1)


def never(weights, device):
    """The file is opened before anything is scored, but no frame is looked at."""
    return lambda images: pytest.fail("a frame was looked at")


def scored(folder, asked, *words, reference="gt", weights="seeded.pth"):
    given = ("--metrics", "sharpness", f"--{asked}-weights", folder / weights, "--workers", "1")
    beside = ("--reference", folder / reference) if reference else ()
    return run(folder / "renders", *beside, *given, "-o", folder / "out", *words)


def test_a_shift_is_its_square_with_n_beside_it_and_is_kept(folder, asked, use, capsys):
    assert scored(folder, asked) == 0
    (score,) = Scores.load(folder / "out").sets
    assert score.value == pytest.approx(SHIFT**2 * 1.25, rel=0.02)  # of the mean, and of half of it
    assert (score.clips, score.frames, score.frames_real, score.reason) == (2, 12, 12, "")
    assert score.network.startswith("seeded.pth ") and len(score.network.split()[1]) == 64
    n, unit = {"fid": (12, "frames"), "fvd": (4, "windows of 3 frames")}[asked]
    words = f"{TITLES[asked]} ↓ {score.value:.2f}, of {n} {unit} of 2 clips beside {n} of their real videos"
    assert words in capsys.readouterr().out
    page = (folder / "out" / "report.html").read_text()
    assert f'"sets":[{{"metric":"{SMALL[asked].name}"' in page and score.network in page
    assert asked not in (folder / "out" / "scores.csv").read_text()
    (metric,) = set_metrics.SET_METRICS
    use(opened=never)
    assert scored(folder, asked) == 0
    (kept,) = (folder / "out" / ".clips").glob("*.set")
    kept.write_text('{"metric": ')  # damaged: computed again
    use(opened=metric.opened)
    assert scored(folder, asked) == 0 and json.loads(kept.read_text())["value"] == score.value


def test_a_folder_beside_itself_has_none(folder, asked):
    assert scored(folder, asked, reference="renders") == 0
    assert Scores.load(folder / "out").sets[0].value == pytest.approx(0, abs=1e-6)


def test_few_clips_are_refused_with_the_number(folder, asked, use, capsys, monkeypatch):
    monkeypatch.setattr(set_metrics, "LEAST_CLIPS", 3)
    use(opened=never)
    assert scored(folder, asked) == 3
    says = f"{TITLES[asked]} is not computed, too few clips: 2 with a real video, 3 are wanted"
    assert says in capsys.readouterr().err


def test_few_windows_are_refused_with_the_number(folder, asked, use, capsys):
    n, unit = {"fid": (12, "frames"), "fvd": (4, "windows of 3 frames")}[asked]
    use(opened=never, least=n + 1)
    assert scored(folder, asked) == 3
    says = (
        f"{TITLES[asked]} is not computed, too few {unit}: {n}, {n + 1} are wanted, or {TITLES[asked]} meas"
    )
    assert says in capsys.readouterr().err
    assert json.loads((folder / "out" / "scores.json").read_text())["sets"][0]["value"] is None


def test_what_is_wrong_is_said_before_anything_is_scored(folder, asked, use, capsys):
    use(opened={"fid": FID, "fvd": FVD}[asked].opened)
    assert scored(folder, asked, weights="none.pth", reference=None) == 1
    said = capsys.readouterr().err
    assert f"--{asked}-weights compares renders with real videos; give --reference" in said
    assert scored(folder, asked, weights="none.pth") == 1
    network = {"fid": "FID's Inception", "fvd": "FVD's I3D"}[asked]
    said = capsys.readouterr().err
    assert f"none.pth cannot be read (No such file or directory); {network} wants" in said
    assert not (folder / "out" / "scores.csv").exists()


def test_windows_are_whole_and_have_no_hole(monkeypatch):
    frames = [Frame(index, object(), None) for index in range(14) if index != 4]
    monkeypatch.setattr(Videos, "frames", lambda videos, path: iter(frames))
    windows = [[frame.index for frame in window] for window in Videos(["a"], 0, 3).windows("a")]
    assert windows == [[0, 1, 2], [6, 7, 8], [9, 10, 11]]
    assert Videos(["a", "a"], 0, 3).count(9) == 6 and Videos(["a"], 0, 3).count(2) == 2
    assert Videos(["a"], 0).count(99) == 13


def test_limits_are_one_window_more_than_there_are_features():
    from speechlip.metrics.sets import i3d, inception

    assert (FID.least, FID.window) == (inception.N_FEATURES + 1, 1)
    assert (FVD.least, FVD.window) == (i3d.N_FEATURES + 1, i3d.WINDOW)
