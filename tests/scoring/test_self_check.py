"""``score-sync --self-check``: right here; what is broken or expected otherwise is named."""

from dataclasses import replace

import numpy as np
import pytest
from score_command import run
from skimage.metrics import structural_similarity

import speechlip
from speechlip.metrics import table
from speechlip.metrics.table import families, metric
from speechlip.self_checking import check
from speechlip.self_checking import footage as footage_file
from speechlip.self_checking.expected import EXPECTED
from speechlip.self_checking.footage import write_footage
from zoo import read_clip

NUMBERS = {each.metric: each for each in EXPECTED}


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return write_footage(tmp_path_factory.mktemp("footage"))


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """No model files; temporary folders where a test sees them."""
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def only_psnr(alone, monkeypatch, footage):
    """Videos made once, and PSNR alone compared."""
    monkeypatch.setattr(check, "write_footage", lambda folder: footage)
    monkeypatch.setattr(check, "EXPECTED", (NUMBERS["psnr"],))


def test_this_installation_is_right_and_nothing_is_left_behind(alone, capsys):
    assert run("--self-check") == 0
    said = capsys.readouterr()
    head, *rows, verdict = said.out.splitlines()
    assert head.split() == ["metric", "expected", "got", "tolerance", "ok"] and not said.err
    assert [row.split()[0] for row in rows] == [*NUMBERS] and {row.split()[-1] for row in rows} == {"yes"}
    assert verdict.startswith("9 of 9 metrics as expected.") and not list(alone.iterdir())


def test_every_default_metric_that_needs_no_download_is_compared():
    assert {metric(each).family for each in NUMBERS} == {*families()} - {"lpips"}


def test_expected_image_numbers_are_those_of_other_implementations(footage):
    pairs = [*zip(read_clip(footage.render)[0], read_clip(footage.reference)[0], strict=True)]
    squares = [np.mean((a.astype(float) - b) ** 2) for a, b in pairs]
    psnr = np.mean([10 * np.log10(255**2 / square) for square in squares])
    ssim = np.mean([structural_similarity(a, b, channel_axis=2) for a, b in pairs[::10]])
    assert abs(psnr - NUMBERS["psnr"].number) < 0.2 and abs(ssim - NUMBERS["ssim"].number) < 0.002


def test_expected_lmd_is_that_of_the_landmarks_beside_the_videos(footage):
    mouths = [
        np.load(path.with_suffix(".landmarks.npz"))["landmarks"][:, 48:]
        for path in (footage.render, footage.reference)
    ]
    render, reference = (mouth - mouth.mean(axis=1, keepdims=True) for mouth in mouths)
    lmd = np.linalg.norm(render - reference, axis=2).mean()
    assert lmd == pytest.approx(NUMBERS["lmd"].number, abs=1e-4)


def test_another_expectation_is_named(only_psnr, monkeypatch, capsys):
    moved = replace(NUMBERS["psnr"], number=NUMBERS["psnr"].number + 0.02)
    monkeypatch.setattr(check, "EXPECTED", (moved,))
    assert run("--self-check") == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[1].split()[-1] == "no"
    assert "1 of 1 metrics differ: psnr" in said.err and f"numpy {np.__version__}" in said.err


def broken_psnr(monkeypatch, compute):
    monkeypatch.setitem(table._built_in(), "psnr", replace(metric("psnr"), compute=compute))


def test_a_metric_that_is_off_is_named(only_psnr, monkeypatch, capsys):
    broken_psnr(monkeypatch, lambda render, reference: 33.9)
    assert run("--self-check") == 1
    assert "differ: psnr" in capsys.readouterr().err


def test_a_metric_that_raises_is_named_with_its_error(only_psnr, monkeypatch, capsys):
    def broken(render, reference):
        raise RuntimeError("cv2 lacks norm")

    broken_psnr(monkeypatch, broken)
    assert run("--self-check") == 1
    said = capsys.readouterr()
    assert "psnr: " in said.err and "cv2 lacks norm" in said.err and "–" in said.out


def test_a_clip_that_cannot_be_written_is_said_of_every_metric(alone, monkeypatch, capsys):
    def no_encoder(folder):
        raise ValueError("no libx264")

    monkeypatch.setattr(check, "write_footage", no_encoder)
    assert run("--self-check") == 1
    said = capsys.readouterr().err
    assert "9 of 9 metrics differ: lse_c, " in said and "no clip: ValueError: no libx264" in said


def test_audio_10_ms_late_and_a_darker_image_are_noticed(alone, monkeypatch):
    write_one = footage_file.write_one
    monkeypatch.setattr(
        footage_file,
        "write_one",
        lambda path, images, landmarks, audio: write_one(
            path, np.maximum(images, 1) - 1, landmarks, np.roll(audio, 160)
        ),
    )
    differing = {each.expected.metric for each in speechlip.self_check().differing}
    assert {"lse_d", "lse_d_unpadded", "psnr"} <= differing and "lmd" not in differing


def test_the_door_gives_the_same(only_psnr):
    checked = speechlip.self_check()
    (psnr,) = checked.metrics
    assert checked.ok and psnr.ok and psnr.got == pytest.approx(psnr.expected.number, abs=1e-4)
    assert not replace(psnr, got=float("nan")).ok and set(checked.versions) == {"torch", "av", "cv2", "numpy"}


def test_without_it_renders_are_still_wanted(capsys):
    assert run() == 1 and "RENDERS" in capsys.readouterr().err
