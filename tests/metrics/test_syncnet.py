"""SyncNet beside the PyPI package ``syncnet-python``: same weights, crops and sound in, same scores out; and
what a weights file must be."""

import dataclasses
import itertools
import math
import os
import pickle
import tracemalloc
from collections import OrderedDict
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from scipy.io import wavfile

from speechlip import assets
from speechlip.errors import ModelError
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.metrics.declared import NotScored
from speechlip.metrics.sync import CROP_PX
from speechlip.metrics.sync.lse import sync_score
from speechlip.metrics.sync.mfcc import filters, mfcc
from speechlip.metrics.sync.syncnet import load_syncnet, mfcc_columns, overlapping, sync_features
from speechlip.metrics.sync.syncnet_network import official_shapes

MIB = 1 << 20


def random_state(seed: int = 0) -> OrderedDict:
    """A state dict of the official shapes, batch norm's statistics not at their start, distances of the size
    of real ones (5–15).

    Both branches share their last bias, so that (as with trained weights) real features are nearer to each
    other than to padded zeros.
    """
    draw = torch.Generator().manual_seed(seed)
    state = OrderedDict()
    for name, shape in official_shapes().items():
        noise = torch.randn(shape, generator=draw)
        if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
            state[name] = 0.75 + 0.5 * torch.rand(shape, generator=draw)
        elif len(shape) == 1:
            state[name] = 0.1 * noise
        else:
            state[name] = noise * math.sqrt(2 / math.prod(shape[1:]))
    state["netcnnlip.0.weight"] /= 100  # crops are 0…255
    state["netfclip.3.weight"] *= 0.01
    state["netfcaud.3.weight"] *= 0.003
    state["netfclip.3.bias"] *= 2
    state["netfcaud.3.bias"] = state["netfclip.3.bias"].clone()
    return state


def save(state, path, zipped: bool = False):
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Seeded random weights in the official file's format: the old container, no num_batches_tracked."""
    return save(random_state(), tmp_path_factory.mktemp("weights") / "syncnet_v2.model")


@pytest.fixture(scope="module")
def model(weights):
    return load_syncnet(weights, allow_unknown=True)


@pytest.fixture(scope="module")
def peer(weights):
    pytest.importorskip("syncnet_python", reason="the peer syncnet-python is not installed")
    from syncnet_python import SyncNetInstance, SyncNetModel

    instance = SyncNetInstance(SyncNetModel(), device="cpu")
    with torch.no_grad():
        instance.loadParameters(str(weights))
    return instance


def drawn_clip(frames: int = 22, extra_samples: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A disc that opens and closes on noise, and a tone that swells with it: (T, 224, 224, 3) uint8, (640 T +
    extra,) int16."""
    draw = np.random.default_rng(7)
    opening = 20 + 15 * np.sin(np.arange(frames) / 2.5)
    crops = draw.integers(60, 120, size=(frames, CROP_PX, CROP_PX, 3), dtype=np.uint8)
    for crop, radius in zip(crops, opening, strict=True):
        cv2.ellipse(crop, (112, 150), (50, int(radius)), 0, 0, 360, (40, 40, 160), -1)
    loud = np.interp(np.arange(640 * frames + extra_samples) / 640, np.arange(frames), opening)
    tone = 200 * loud * np.sin(np.arange(len(loud)) * 0.11) + draw.normal(0, 300, len(loud))
    return crops, tone.astype(np.int16)


def real_clip(folder, name: str, seconds: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """The first frames of a real video, its upper middle scaled to 224×224, BGR, and its sound."""
    path = folder / name
    crops, samples = [], []
    for frame in itertools.islice(read_frames(path, probe(path)), int(25 * seconds)):
        image = frame.image.rgb()[..., ::-1]
        side = min(image.shape[:2]) * 3 // 4
        left = (image.shape[1] - side) // 2
        crops.append(cv2.resize(image[:side, left : left + side], (CROP_PX, CROP_PX)))
        samples.append(frame.samples)
    return np.stack(crops), np.concatenate(samples)


def jpeg_folder(folder, crops, audio):
    """What the peer reads; returns the crops as they come back out of its JPEG files."""
    for i, crop in enumerate(crops):
        cv2.imwrite(str(folder / f"{i:06d}.jpg"), crop)
    wavfile.write(folder / "audio.wav", 16000, audio)
    return [cv2.imread(str(path)) for path in sorted(folder.glob("*.jpg"))]


def assert_equal_scores(model, peer, folder, crops, audio):
    crops = jpeg_folder(folder, crops, audio)
    offset, conf, dist = peer.evaluate(SimpleNamespace(tmp_dir=str(folder), batch_size=20, vshift=15))
    score = sync_score(*sync_features(model, iter(crops), audio))
    assert 3 < dist < 30 and conf > 0.01, "random weights whose scores say nothing"
    assert score.offset_frames == offset
    assert abs(score.lse_c - conf) <= 1e-5 and abs(score.lse_d - dist) <= 1e-5
    return score


def test_scores_equal_the_peers_on_a_drawn_clip(model, peer, tmp_path):
    assert_equal_scores(model, peer, tmp_path, *drawn_clip())


def test_scores_equal_the_peers_on_a_real_clip(model, peer, tmp_path, real_clips):
    assert_equal_scores(model, peer, tmp_path, *real_clip(real_clips, "geneface_zozo_render.mp4"))


def test_bf16_moves_scores_by_less_than_a_thousandth(weights, model, real_clips):
    lower = load_syncnet(weights, allow_unknown=True, precision="bf16")
    crops, audio = real_clip(real_clips, "geneface_zozo_render.mp4")
    whole, rounded = (sync_score(*sync_features(net, iter(crops), audio)) for net in (model, lower))
    assert rounded.offset_frames == whole.offset_frames
    assert 1e-7 < abs(rounded.lse_d - whole.lse_d) < 1e-3 and abs(rounded.lse_c - whole.lse_c) < 1e-3


def test_in_bf16_only_the_convolutions_of_the_lips_are(weights):
    lower = load_syncnet(weights, allow_unknown=True, precision="bf16")
    types = {name: value.dtype for name, value in lower.named_buffers()}
    assert {name for name in types if types[name] == torch.bfloat16} == {
        f"lip_conv{place}_{part}" for place in range(6) for part in ("weight", "bias")
    }


@pytest.mark.parametrize(
    ("frames", "samples"), [(6, 640 * 6), (14, 640 * 14 + 639), (14, 640 * 11 + 639), (9, 640 * 14)]
)
def test_features_and_windows_equal_the_peers(model, peer, frames, samples):
    """n = min(frames, samples // 640) − 5, whatever is longer; features agree to 1e-4 of values around
    0.3."""
    crops, audio = drawn_clip(14, extra_samples=639)
    crops, audio = crops[:frames], audio[:samples]
    lips, speech = sync_features(model, crops, audio, batch_windows=3)
    windows = min(frames, samples // 640) - 5
    assert lips.shape == speech.shape == (windows, 1024)
    video = torch.from_numpy(crops).float().permute(3, 0, 1, 2)
    network = peer.__S__.eval()
    peers = pytest.importorskip("python_speech_features").mfcc
    columns = torch.from_numpy(peers(audio, 16000).T.copy()).float()
    with torch.no_grad():
        wanted_lips = network.forward_lip(torch.stack([video[:, i : i + 5] for i in range(windows)]))
        wanted_speech = network.forward_aud(
            torch.stack([columns[None, :, 4 * i : 4 * i + 20] for i in range(windows)])
        )
    np.testing.assert_allclose(lips, wanted_lips, atol=1e-4)
    np.testing.assert_allclose(speech, wanted_speech, atol=1e-4)


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_batch_size_changes_nothing(model, batch):
    crops, audio = drawn_clip(10)
    lips, speech = sync_features(model, crops, audio, batch_windows=batch)
    wanted_lips, wanted_speech = sync_features(model, crops, audio)
    np.testing.assert_allclose(lips, wanted_lips, atol=1e-5)
    np.testing.assert_allclose(speech, wanted_speech, atol=1e-5)


@pytest.mark.parametrize(("first", "count"), [(0, 1), (0, 20), (1, 5), (4, 20), (133, 64), (180, 16)])
def test_mfcc_in_pieces_is_python_speech_features(first, count):
    peer = pytest.importorskip(
        "python_speech_features", reason="the peer python_speech_features is not installed"
    )
    audio = np.random.default_rng(0).integers(-32768, 32768, 32000, dtype=np.int16)
    np.testing.assert_allclose(
        mfcc_columns(audio, first, count),
        peer.mfcc(audio, 16000)[first : first + count].T,
        rtol=1e-9,
        atol=1e-9,
    )


@pytest.mark.parametrize("samples", [1, 399, 400, 401, 559, 560, 561, 16000])
@pytest.mark.parametrize("kind", ["noise", "silence", "one click"])
def test_mfcc_is_python_speech_features_to_the_last_digits(samples, kind):
    peer = pytest.importorskip(
        "python_speech_features", reason="the peer python_speech_features is not installed"
    )
    audio = np.zeros(samples, np.int16)
    if kind == "noise":
        audio = np.random.default_rng(samples).integers(-32768, 32768, samples, dtype=np.int16)
    elif kind == "one click":
        audio[samples // 2] = 1000
    np.testing.assert_allclose(mfcc(audio), peer.mfcc(audio, 16000), rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(filters(), peer.get_filterbanks(26, 512, 16000))


def test_frames_are_read_once_and_not_beyond_the_sound(model):
    crops, audio = drawn_clip(12)
    stream = iter(crops)
    sync_features(model, stream, audio[: 640 * 8])
    assert len(list(stream)) == 4


def test_memory_holds_one_batch_of_crops():
    frames = (np.full((CROP_PX, CROP_PX, 3), i % 256, np.uint8) for i in range(600))
    tracemalloc.start()
    windows = sum(len(run) - 4 for run in overlapping(frames, 4))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert windows == 596
    assert peak < 5 * MIB  # 600 crops are 90 MB; a tensor of all their windows 1.8 GB as float


@pytest.mark.parametrize(("frames", "samples"), [(5, 6400), (20, 640 * 6 - 1), (0, 6400), (6, 0)])
def test_too_short_says_so(model, frames, samples):
    with pytest.raises(NotScored, match="too short: 6 frames"):
        sync_features(model, drawn_clip(max(frames, 1))[0][:frames], np.zeros(samples, np.int16))


def test_silence_is_scored(model):
    crops, audio = drawn_clip(30)
    score = sync_score(*sync_features(model, crops, np.zeros_like(audio)))
    assert np.isfinite([score.lse_c, score.lse_d]).all() and score.windows == 25


def test_other_arrays_are_refused(model):
    crops, audio = drawn_clip(8)
    for wrong in (audio / 32768, audio[:, None]):
        with pytest.raises(ValueError, match="int16 samples"):
            sync_features(model, crops, wrong)
    for wrong in (crops[:, :96, :96], crops.astype(np.float32)):
        with pytest.raises(ValueError, match=r"\(224, 224, 3\) uint8"):
            sync_features(model, wrong, audio)


def test_names_and_shapes_are_the_peers(peer):
    network = peer.state_dict()
    found = {
        name.removeprefix("__S__."): tuple(value.shape)
        for name, value in network.items()
        if "num_batches" not in name
    }
    assert found == official_shapes()


def test_size_of_the_official_file_is_that_of_this_state_dict(weights):
    """The published 54 573 114 bytes hold exactly these numbers and no num_batches_tracked, in the old
    container (350 bytes of pickle apart)."""
    assert abs(weights.stat().st_size - assets.get("syncnet_v2").bytes) < 1000


def test_newer_containers_and_counters_are_read_alike(model, tmp_path):
    state = random_state()
    state |= {
        name.replace("running_mean", "num_batches_tracked"): torch.tensor(3)
        for name in state
        if name.endswith("running_mean")
    }
    other = load_syncnet(save(state, tmp_path / "new.model", zipped=True), allow_unknown=True)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    assert other.sha256 != model.sha256


def test_another_file_is_refused_with_both_hashes(weights, model):
    with pytest.raises(ModelError) as refused:
        load_syncnet(weights)
    assert model.sha256 in str(refused.value) and assets.get("syncnet_v2").sha256 in str(refused.value)
    assert str(weights.stat().st_size) in str(refused.value) and not model.official


def test_the_named_file_is_taken_without_asking(weights, model, monkeypatch):
    named = dataclasses.replace(assets.get("syncnet_v2"), sha256=model.sha256, bytes=weights.stat().st_size)
    monkeypatch.setitem(assets.ASSETS, "syncnet_v2", named)
    assert load_syncnet(weights).official


class Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("kind", ["pickle", "torch, old container", "torch, new container"])
def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, kind):
    file, marker = tmp_path / "evil.model", tmp_path / "ran"
    state = random_state() | {"extra": Payload(marker)}
    if kind == "pickle":
        file.write_bytes(pickle.dumps({"extra": Payload(marker)}))
    else:
        save(state, file, zipped=kind.endswith("new container"))
    with pytest.raises(ModelError, match="perhaps code; it was not run"):
        load_syncnet(file, allow_unknown=True)
    assert not marker.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * MIB, b"PK\x03\x04 not a zip", b"\x80\x02."],
    ids=["empty", "zeros", "zip", "pickle"],
)
def test_files_that_are_no_checkpoint(tmp_path, content):
    file = tmp_path / "bad.model"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.model"):
        load_syncnet(file, allow_unknown=True)


def test_files_that_are_not_there(tmp_path):
    for path in (tmp_path / "none.model", tmp_path):
        with pytest.raises(ModelError, match="cannot be read"):
            load_syncnet(path)


def test_cut_off_file(tmp_path, weights):
    file = tmp_path / "half.model"
    file.write_bytes(weights.read_bytes()[: 20 * MIB])
    with pytest.raises(ModelError, match=r"half\.model"):
        load_syncnet(file, allow_unknown=True)


def without(name):
    state = random_state()
    del state[name]
    return state


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda: without("netfclip.3.bias"), r"netfclip\.3\.bias is missing, wanted \(1024,\)"),
        (
            lambda: random_state() | {"head.weight": torch.zeros(2)},
            r"head\.weight is \(2,\), wanted no such entry",
        ),
        (
            lambda: random_state() | {"netfclip.3.bias": torch.zeros(256)},
            r"netfclip\.3\.bias is \(256,\), wanted \(1024,\)",
        ),
        (
            lambda: random_state() | {"netfclip.3.bias": torch.full((1024,), math.nan)},
            r"netfclip\.3\.bias holds numbers that are not finite",
        ),
        (lambda: torch.zeros(3), "holds Tensor, not tensors by name"),
        (lambda: {"epoch": 3}, "holds int under 'epoch', not tensors by name"),
    ],
)
def test_other_networks_are_refused(tmp_path, change, says):
    with pytest.raises(ModelError, match=says):
        load_syncnet(save(change(), tmp_path / "other.model"), allow_unknown=True)
