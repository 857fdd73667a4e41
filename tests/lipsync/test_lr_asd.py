"""LR-ASD: the published network by its counts, its parts by hand, and what is made of its answers."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from speechlip import assets
from speechlip.errors import ModelError, OptionError
from speechlip.lipsync import lr_asd
from speechlip.lipsync.lr_asd import Fusion, LrAsd, load_lr_asd
from speechlip.lipsync.speaking import ALONE, UNDECIDED, talkers
from speechlip.media.probe import probe
from speechlip.metrics.sync.mfcc import mfcc
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.prepare import prepare
from speechlip.records import FaceTrack, Source
from speechlip.scoring.sync.talk import mfccs_of, talk_of
from zoo import write_clip


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    seeded = LrAsd().eval()
    for each in seeded.modules():
        if isinstance(each, torch.nn.Conv2d | torch.nn.Conv3d):
            torch.nn.init.kaiming_normal_(each.weight)
    return seeded


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    """A file as the authors publish theirs: three prefixes, one of which is of training alone."""
    stored = {
        f"lossAV.{name}" if name.startswith("FC.") else f"model.{name}": value
        for name, value in network.state_dict().items()
    }
    path = tmp_path_factory.mktemp("weights") / "lr_asd.model"
    torch.save(stored | {"lossV.FC.weight": torch.zeros(2, 128), "lossV.FC.bias": torch.zeros(2)}, path)
    return path


def test_it_has_the_parameters_of_the_published_one(network, weights):
    """0.84 million parameters, and a file of 168 arrays and 3.4 MB."""
    assert sum(each.numel() for each in network.parameters()) == 836_898
    assert len(torch.load(weights, weights_only=True)) == 168
    assert abs(weights.stat().st_size - 3_426_337) < 20_000


def test_fusion_by_hand():
    fusion = Fusion(4).eval()
    fusion.bn.running_mean[:] = torch.tensor([0.1, -0.2, 0.3, 0.0])
    a, b = np.random.default_rng(0).normal(size=(2, 1, 5, 2)).astype(np.float32)
    both = np.concatenate([a, b], axis=2)[0]
    attention = both @ fusion.attention.weight.detach().numpy()[:, :, 0].T
    gate = 1 / (1 + np.exp(-(attention - fusion.bn.running_mean.numpy()) / np.sqrt(1 + 0.001)))
    with torch.no_grad():
        fused = fusion(torch.tensor(a), torch.tensor(b))[0].numpy()
    np.testing.assert_allclose(fused, both * gate, atol=1e-6)


def test_four_mfccs_go_with_a_frame_and_the_same_weights_say_the_same(network, weights):
    random = np.random.default_rng(1)
    faces = random.integers(0, 256, (9, 112, 112)).astype(np.uint8)
    mfccs = random.normal(size=(36, 13))
    said = lr_asd.talking(load_lr_asd(weights), faces, mfccs)
    assert said.shape == (9,) and ((said > 0) & (said < 1)).all()
    assert np.array_equal(said, lr_asd.talking(network, faces, mfccs))
    assert not np.allclose(said, lr_asd.talking(network, 255 - faces, mfccs))
    assert not np.allclose(said, lr_asd.talking(network, faces, -mfccs))


@pytest.mark.parametrize("kind", ["pickle", "other", "text", "gone"])
def test_another_file_is_refused(tmp_path, kind):
    path = tmp_path / "file.model"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Path))
    elif kind == "other":
        torch.save({"model.w": torch.zeros(2)}, path)
    elif kind == "text":
        path.write_text("no weights")
    with pytest.raises(ModelError, match=r"file\.model .*wanted are the weights that LR-ASD publishes"):
        load_lr_asd(path)


def test_mfccs_of_a_part_are_those_of_the_whole():
    audio = np.random.default_rng(2).integers(-9000, 9000, 640 * 12).astype(np.int16)
    whole, part = mfcc(audio), mfccs_of(audio, 3, 9)
    assert part.shape == (24, 13)
    np.testing.assert_allclose(part[1:], whole[13:36], atol=1e-6)  # the first hears what lies before it


def track(start, frames, x=0):
    box = np.tile(np.array([x, 20, x + 60, 80], np.float32), (frames, 1))
    return FaceTrack(start, box, np.ones(frames, np.float32), np.zeros(frames, bool))


def test_the_only_one_who_talks_is_taken():
    tracks = [track(0, 60), track(20, 40)]
    talk = [np.full(60, np.nan), np.full(40, 0.1)]
    talk[0][20:40], talk[0][40:] = 0.9, 0.2
    talk[1][20:30], talk[0][30:32] = 0.8, np.nan
    owner = talkers(talk, tracks, 62)
    assert (owner[:20] == ALONE).all() and (owner[60:] == ALONE).all()
    assert (owner[20:38] == 0).all() and (owner[43:48] == 1).all() and (owner[54:60] == UNDECIDED).all()
    both = talkers([np.full(40, 0.9), np.full(40, 0.9)], [track(0, 40), track(0, 40)], 40)
    assert (both == UNDECIDED).all()


def test_every_face_is_shown_with_its_own_audio(tmp_path):
    """A bright face left, a dark one right; what judges says how bright a face is."""
    frames = np.full((160, 100, 200, 3), 40, np.uint8)
    frames[:, :, :100] = 220
    audio = (9000 * np.sin(np.arange(160 * 640) / 9)).astype(np.int16)
    clip = write_clip(tmp_path / "two.mp4", frames, audio)
    tracks, asked = [track(0, 160, 20), track(5, 150, 120)], []

    def judge(faces, mfccs):
        asked.append((faces.shape, mfccs.shape))
        return faces.mean(axis=(1, 2)) / 255

    bright, dark = talk_of(Source(clip, "two.mp4", "a"), probe(clip), tracks, audio, judge)
    assert asked == [((150, 112, 112), (600, 13))] * 2
    assert np.isnan(bright[:5]).all() and np.isnan(bright[155:]).all() and not np.isnan(dark).any()
    assert np.nanmin(bright) > 0.7 and dark.max() < 0.3


def test_without_its_weights_the_asset_is_named(talking, tmp_path, monkeypatch):
    monkeypatch.setenv("SPEECHLIP_HOME", str(tmp_path / "home"))
    options = PrepOptions(faces="speaking", sync_model="lr-asd", detector="sidecar")
    with pytest.raises(ModelError, match=r"finetuning_TalkSet.model is not in .*models fetch lr_asd"):
        prepare(talking, tmp_path / "out", options)
    assert assets.named("lr-asd") == ("lr_asd",)


def test_it_judges_no_sync():
    with pytest.raises(OptionError, match="go with --sync-filter"):
        PrepOptions(sync_model="lr-asd")
    assert PrepOptions(faces="speaking", sync_model="lr-asd 12ab").speaking_by == "lr-asd"
