"""The files, read as the renderers read them.

The loaders' lines are restated here from their shapes, apart from what wrote the files.
"""

import json
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import soundfile
import torch
from tiny_speech import TinySpeech
from torch import nn

from speechlip.encoders.features.protocol import FeatureClock, per_frame
from speechlip.errors import SourceRefused
from speechlip.exporting import video
from speechlip.exporting.facts import read_scale
from speechlip.exporting.layouts import RENDERERS, choose_layouts, windows, write_npy
from speechlip.exporting.records import Exporter, ExportPlan, Task
from speechlip.exporting.scale import Scale, measure
from speechlip.media.whole_audio import read_audio

T = 67
ALL = ExportPlan(tuple(RENDERERS))


def exported(folder, encoder, options=ALL, samples=None):
    """Export 67 frames of loud and soft noise; returns the folder."""
    noise = np.random.default_rng(0).normal(size=(T, 640)) * np.random.default_rng(2).uniform(
        100, 6000, (T, 1)
    )
    soundfile.write(
        folder / "a.wav",
        (noise.ravel() if samples is None else samples).astype(np.int16),
        16000,
        subtype="PCM_16",
    )
    task, exporter = Task("a.wav", folder / "a.wav", folder / "a"), Exporter(encoder, "tiny", encoder.weights)
    assert video.export_video(task, read_audio(task.path), exporter, options) == T
    return folder / "a"


def raw_frames(encoder, folder):
    """What the encoder gives, on the frames: (T, W, D)."""
    samples, _ = soundfile.read(folder.parent / "a.wav", dtype="int16")
    return encoder.encode_waveform(samples).reshape(T, -1, encoder.dim)


def audio_net(channels):
    """AudioNet of AD-NeRF and of all that came after it."""
    sizes = [channels, 32, 32, 64, 64]
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Conv1d(a, b, 3, 2, 1), nn.LeakyReLU(0.02))]
    return nn.Sequential(*layers), nn.Sequential(nn.Linear(64, 64), nn.LeakyReLU(0.02), nn.Linear(64, 32))


def heard_by(frames):
    """(n, channels, steps) → (n, 32): the middle 16 steps, four strided convolutions to one, two layers."""
    convolutions, head = audio_net(frames.shape[1])
    return head(convolutions(frames[:, :, 0:16]).squeeze(-1))


def attention_window(features, index):
    """Eight frames from index − 4 on, zeros beyond the ends, as ``att = 2`` of RAD-NeRF's heirs."""
    rows = [
        features[k] if 0 <= k < len(features) else torch.zeros_like(features[0])
        for k in range(index - 4, index + 4)
    ]
    return torch.stack(rows)


@pytest.mark.parametrize(
    ("rate_hz", "dim", "steps"), [(25, 512, 1), (50, 1024, 2), (50, 768, 2), (25, 20, 1), (100, 80, 4)]
)
def test_er_nerf_synctalk_and_talking_gaussian_hear_aud_hu(tmp_path, rate_hz, dim, steps):
    folder = exported(tmp_path, TinySpeech(rate_hz, dim))
    loaded = np.load(folder / "aud_hu.npy")
    assert loaded.dtype == np.float32 and loaded.shape == (T, steps, 1024)
    features = torch.from_numpy(loaded).float().permute(0, 2, 1)
    for index in (0, 3, 30, T - 1):
        assert heard_by(attention_window(features, index)).shape == (8, 32)
    own = np.load(folder / "aud_tiny.npy")
    assert own.dtype == np.float32 and own.shape == (T, steps, dim)
    np.testing.assert_array_equal(loaded[:, :, :dim], own)
    assert not loaded[:, :, dim:].any()


@pytest.mark.parametrize(("rate_hz", "dim"), [(25, 512), (50, 256), (25, 100)])
def test_synctalk_hears_aud_ave(tmp_path, rate_hz, dim):
    folder = exported(tmp_path, TinySpeech(rate_hz, dim))
    loaded = np.load(folder / "aud_ave.npy")
    assert loaded.dtype == np.float32 and loaded.shape == (T, 512)
    features = torch.from_numpy(loaded).unsqueeze(0).float().permute(1, 0, 2)
    layers = nn.Sequential(
        nn.Linear(512, 256), nn.LeakyReLU(0.02), nn.Linear(256, 128), nn.LeakyReLU(0.02), nn.Linear(128, 32)
    )
    assert layers(attention_window(features, 0)).permute(1, 0, 2).squeeze(0).shape == (8, 32)
    own = np.load(folder / "aud_tiny.npy").reshape(T, -1)
    np.testing.assert_array_equal(loaded[:, : own.shape[1]], own)
    assert not loaded[:, own.shape[1] :].any()
    line = "aud_features = np.load(os.path.join(self.root_path, 'aud_ave.npy'))"
    assert f"s/# {line}/{line}/" in (folder / "aud_ave.patch.txt").read_text()


def test_ad_nerf_hears_aud(tmp_path):
    folder = exported(tmp_path, TinySpeech(50, 64))
    loaded = np.load(folder / "aud.npy")
    assert loaded.dtype == np.float32 and loaded.shape == (T, 16, 29)
    frames = torch.from_numpy(
        np.stack([loaded[min(aud_id, len(loaded) - 1)] for aud_id in (0, 40, T + 5)]).astype(np.float32)
    )
    assert heard_by(frames.permute(0, 2, 1)).shape == (3, 32)
    np.testing.assert_array_equal(np.load(folder / "aud_ds.npy"), loaded)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_window_of_components_is_sixteen_steps_around_the_frame(steps):
    z = np.random.default_rng(0).normal(size=(T, steps, 29)).astype(np.float32)
    scale = Scale(np.zeros(29, np.float32), np.ones(29, np.float32), np.eye(29, dtype=np.float32))
    found = np.concatenate(list(windows([z[:20], z[20:]], scale)))
    flat = z.reshape(-1, 29)
    wanted = np.zeros((T, 16, 29), np.float32)
    for frame in range(T):
        for place in range(16):
            step = steps * frame - 8 + place
            if 0 <= step < len(flat):
                wanted[frame, place] = flat[step]
    np.testing.assert_array_equal(found, wanted)


def test_components_are_those_of_a_singular_value_decomposition():
    rows = (
        np.random.default_rng(0).normal(size=(300, 5)) @ np.random.default_rng(1).normal(size=(5, 40)) + 100
    )
    scale = measure([rows[:100, None], rows[100:, None]], want_axes=True)
    z = (rows - rows.mean(0)) / rows.std(0)
    left, _, _ = np.linalg.svd(z, full_matrices=False)
    found = scale.components(scale.z_scored(rows))
    for k in range(5):
        assert abs(np.corrcoef(found[:, k], left[:, k])[0, 1]) == pytest.approx(1, abs=1e-4)
        assert found[:, k].std() == pytest.approx(1, rel=1e-3)
    assert not found[:, 5:].any()  # five directions are all there is
    assert scale.kept == pytest.approx(1, abs=1e-6)
    few = measure([np.random.default_rng(3).normal(size=(4000, 1, 58))], want_axes=True)
    assert 0.5 < few.kept < 0.6  # half of the axes of a round cloud


def test_mean_and_deviation_are_those_of_the_training_share(tmp_path):
    encoder = TinySpeech(50, 24)
    folder = exported(tmp_path, encoder)
    raw, found = raw_frames(encoder, folder), np.load(folder / "aud_tiny.npy")
    train = raw[:60].reshape(-1, 24)  # ⌊67 · 10 / 11⌋
    np.testing.assert_allclose(found, (raw - train.mean(0)) / train.std(0), atol=2e-3)
    np.testing.assert_allclose(found[:60].mean((0, 1)), 0, atol=1e-3)
    assert abs(found[60:].mean((0, 1))).max() > 0.05
    facts = json.loads((folder / "aud_tiny.json").read_text())
    np.testing.assert_allclose(found * facts["std"] + facts["mean"], raw, atol=1e-4)
    ninth = exported(tmp_path, encoder, ExportPlan(("er-nerf",), Fraction(9, 10)))
    np.testing.assert_allclose(np.load(ninth / "aud_tiny.npy")[:60].mean((0, 1)), 0, atol=1e-3)


def test_a_dimension_that_stands_still_becomes_zero():
    scale = measure([np.array([[[1e6, 1.0]], [[1e6, 3.0]]])], want_axes=False)
    assert scale.z_scored(np.array([[1e6, 3.0]])).tolist() == [[0.0, 1.0]]


def test_too_few_frames_are_refused():
    with pytest.raises(SourceRefused, match="features: too short"):
        measure([np.zeros((1, 1, 4))], want_axes=False)


def test_the_facts_say_what_the_files_are(tmp_path):
    folder = exported(tmp_path, TinySpeech(50, 24))
    facts = json.loads((folder / "aud_tiny.json").read_text())
    assert facts["encoder"] == {"name": "tiny", "weights": "0" * 64, "dim": 24} | dict.fromkeys(
        ("centre_ms", "past_ms", "future_ms"), 10
    ) | {"rate_hz": 50}
    assert (facts["fps"], facts["frames"], facts["steps_per_frame"], facts["train_share"]) == (
        25,
        T,
        2,
        "10/11",
    )
    assert {name: tuple(shape) for name, shape in facts["files"].items()} == {
        path.name: np.load(path).shape for path in folder.glob("*.npy")
    }
    assert len(facts["mean"]) == len(facts["std"]) == 24 and facts["left_out"] == {}


@pytest.mark.parametrize(
    ("clock", "features"),
    [
        (FeatureClock(50, 10, 10, 10), 134),
        (FeatureClock(50, 12.5, 12.5, 12.5), 133),
        (FeatureClock(25, 20, 100, 100), 67),
        (FeatureClock(31.25, 32, 16, 16), 82),
        (FeatureClock(100, 5, 5, 5), 268),
    ],
)
def test_parts_are_what_the_whole_would_be(monkeypatch, clock, features):
    rows = np.random.default_rng(0).normal(size=(features, 3)).astype(np.float32)
    whole = per_frame(rows, clock, T)
    for size in (1, 7, 33):
        monkeypatch.setattr(video, "PART_FRAMES", size)
        parts = list(video.frame_parts(rows, clock, T))
        assert max(map(len, parts)) == size
        np.testing.assert_allclose(np.concatenate(parts).reshape(T, -1), whole, atol=1e-5)


def test_what_is_not_finite_is_refused():
    rows = np.ones((T, 3), np.float32)
    rows[-1, 0] = np.nan
    with pytest.raises(SourceRefused, match="features: not finite"):
        list(video.frame_parts(rows, FeatureClock(25, 20, 20, 20), T))


def test_the_scale_of_another_video_is_taken_as_it_is(tmp_path):
    encoder = TinySpeech(50, 24)
    (tmp_path / "first").mkdir()
    first = exported(tmp_path / "first", encoder)
    scale, sha256 = read_scale(first, Exporter(encoder, "tiny", encoder.weights), want_axes=True)
    other = np.random.default_rng(5).normal(size=T * 640) * 300
    second = exported(
        tmp_path, encoder, ExportPlan(tuple(RENDERERS), scale=scale, scale_sha256=sha256), other
    )
    one, two = (json.loads((folder / "aud_tiny.json").read_text()) for folder in (first, second))
    assert [one[key] for key in ("mean", "std", "pca_axes")] == [
        two[key] for key in ("mean", "std", "pca_axes")
    ]
    assert two["scale_of"] == sha256
    raw = raw_frames(encoder, second)
    np.testing.assert_allclose(np.load(second / "aud_tiny.npy"), (raw - one["mean"]) / one["std"], atol=1e-3)


def test_written_part_by_part_is_what_numpy_saves(tmp_path):
    values = np.random.default_rng(0).normal(size=(9, 2, 3)).astype(np.float32)
    write_npy(tmp_path / "parts.npy", values.shape, (values[k : k + 4].astype(np.float64) for k in (0, 4, 8)))
    np.save(tmp_path / "whole.npy", values)
    np.testing.assert_array_equal(np.load(tmp_path / "parts.npy"), values)
    assert (tmp_path / "parts.npy").stat().st_size == (tmp_path / "whole.npy").stat().st_size


def test_what_does_not_fit_is_left_out_with_a_reason():
    layouts, left_out = choose_layouts(RENDERERS, 1, 1285)
    assert set(layouts) == {"aud_ds.npy", "aud.npy"}
    assert left_out["aud_hu.npy"] == "1285 numbers a step do not go into its 1024 channels"
    assert "512" in left_out["aud_ave.npy"]
    assert "16 are read" in choose_layouts(["er-nerf"], 20, 29)[1]["aud_hu.npy"]
