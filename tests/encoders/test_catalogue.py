"""One door to all encoders: names, what each refuses, runs, and the encoders of other packages."""

import json
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save
from tiny_dataset import write_dataset

from speechlip.encoders.features.catalogue import open_encoder
from speechlip.encoders.features.protocol import per_frame
from speechlip.encoders.networks.pair import build_pair
from speechlip.encoders.registry import ENCODERS
from speechlip.encoders.trained import load_run
from speechlip.errors import ModelError, OptionError
from speechlip.files.stamps import sha256_of
from speechlip.shards.read.reader import ClipReader

PROJECT = Path(__file__).resolve().parents[2]
SOUND = np.random.default_rng(1).normal(0, 3000, 640 * 12).astype(np.int16)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """What train-encoder leaves: a small network at random weights as a checkpoint."""
    torch.manual_seed(3)
    pair = build_pair("mel-cnn", "mouth", rectified=False)
    folder = tmp_path_factory.mktemp("runs") / "small"
    step = folder / "step-00000004"
    step.mkdir(parents=True)
    (step / "model.safetensors").write_bytes(
        save({f"pair.{name}": value.contiguous() for name, value in pair.state_dict().items()})
    )
    options = {"encoder": "mel-cnn", "lip_input": "mouth", "feature": "", "pool": ""}
    facts = {
        "format": 1,
        "options": options,
        "rectified": False,
        "step": 4,
        "crop": "lips",
        "sha256": sha256_of(step / "model.safetensors"),
        "shards": {},
        "data": {},
    }
    (step / "checkpoint.json").write_text(json.dumps(facts))
    return folder


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(OptionError) as error:
        open_encoder("hubrt")
    assert str(error.value).startswith("no encoder 'hubrt'; there are: hubert, hubert-large, wav2vec2")
    for needed in ("wavlm", "whisper", "features:DIR", "deepspeech:DIR", "module:function"):
        assert needed in str(error.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("se4lip", "an untrained one is random:se4lip"),
        ("random:log-mel", "'log-mel' has no weights to draw"),
        ("random:features:x", "has no weights to draw"),
        ("random:hubrt", "no encoder 'hubrt'"),
        ("shuffled:hubrt", "no encoder 'hubrt'"),
        ("shuffled:", "no encoder ''"),
        ("log-mel@3", "neither layers nor a place"),
        ("lips:here", "neither layers nor a place"),
        ("features@3:x", "wants the folder"),
        ("", "no encoder ''"),
        ("a b:c", "no encoder 'a b:c'"),
    ],
)
def test_names_that_cannot_be_are_refused(name, words):
    with pytest.raises(OptionError, match=words):
        open_encoder(name)


def test_random_init_leaves_what_has_no_weights_as_it_is():
    plain, asked = open_encoder("log-mel"), open_encoder("log-mel", random_init=True)
    np.testing.assert_array_equal(plain.encode_waveform(SOUND), asked.encode_waveform(SOUND))
    assert asked.name == "log-mel"


def test_a_run_gives_its_speech_embeddings_frame_by_frame(run):
    features = open_encoder(str(run))
    rows = features.encode_waveform(SOUND)
    np.testing.assert_array_equal(rows, load_run(run).speech_embeddings(SOUND))
    np.testing.assert_array_equal(rows[0], rows[2])
    np.testing.assert_array_equal(
        per_frame(rows, features.clock, 12), rows
    )  # a feature a frame, and none is blurred
    assert (
        rows.shape == (12, 512)
        and features.name == str(run)
        and features.weights == sha256_of(run / "step-00000004/model.safetensors")
    )
    assert (
        features.parameters == 3_403_264 + 1024
    )  # the network of the ablation, and the batch norm behind it
    assert len(features.encode_waveform(SOUND[:-100])) == 12  # silence fills the last frame


def test_a_run_and_its_network_at_random_weights(run):
    trained, untrained = (open_encoder(name).encode_waveform(SOUND) for name in (str(run), f"random:{run}"))
    assert not np.allclose(trained, untrained)
    np.testing.assert_array_equal(untrained, open_encoder(str(run), random_init=True).encode_waveform(SOUND))
    np.testing.assert_array_equal(untrained, open_encoder("random:mel-cnn").encode_waveform(SOUND))
    assert open_encoder("random:mel-cnn").name == "random:mel-cnn"


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(ModelError, match="holds no checkpoint"):
        open_encoder(str(tmp_path))


def test_every_kind_reads_a_dataset(run, tmp_path):
    shards = write_dataset(
        tmp_path / "shards", {"train": {"anna": (30, 26), "ben": (28,)}}, shards=1, landmarks=True
    )
    stored = tmp_path / "features"
    stored.mkdir()
    (stored / "features.json").write_text('{"rate_hz": 25, "centre_ms": 20}')
    for clip in ClipReader(shards, "train", fields=("spectrogram",), shuffle_clips=0):
        np.save(stored / f"{clip.key}.npy", clip.spectrogram.reshape(clip.meta.n_frames, -1)[:, :7])
    for name in (
        "log-stft",
        "log-mel",
        "lips",
        f"features:{stored}",
        str(run),
        f"shuffled:features:{stored}",
        "random:mel-cnn",
    ):
        features = open_encoder(name)
        clips = list(ClipReader(shards, "train", fields=features.fields, shuffle_clips=0))
        assert len(clips) == 3
        for clip in clips:
            rows = features.of_clip(clip)
            assert rows.dtype == np.float32 and rows.shape[1] == features.dim
            assert per_frame(rows, features.clock, clip.meta.n_frames).shape[0] == clip.meta.n_frames


def test_the_example_package_is_opened_by_the_name_of_its_entry_point(example_plugin, monkeypatch):
    monkeypatch.syspath_prepend(str(example_plugin))
    assert "loudness" in ENCODERS.names()
    features = open_encoder("loudness")
    rows = features.encode_waveform(SOUND)
    assert rows.shape == (12 * 4, 2) and per_frame(rows, features.clock, 12).shape == (12, 8)
    assert rows[0, 0] == pytest.approx(10 * np.log10(np.mean((SOUND[:160] / 32768) ** 2)), abs=1e-3)
    with pytest.raises(OptionError, match="another package's"):
        open_encoder("random:loudness")
    with pytest.raises(OptionError, match=r"there are: .*loudness"):
        open_encoder("hubrt")


def test_a_click_stands_in_its_feature_of_the_example(example_plugin, monkeypatch):
    monkeypatch.syspath_prepend(str(example_plugin))
    features = open_encoder("loudness_encoder:Loudness")
    click = np.zeros(6400, np.int16)
    click[16 * 73] = 20000  # at 73 ms: the feature of 70 … 80 ms, centred at 75
    loudest = features.encode_waveform(click)[:, 0].argmax()
    assert abs(features.clock.centre_ms + loudest * 10 - 73) <= 5


PLUGINS = """
import numpy, torch
from speechlip.encoders.features.protocol import FeatureClock

class Encoder:
    name, dim, clock = "mine", 1, FeatureClock(25, 20, 20, 20)
    def encode(self, waveform):
        return waveform[:, ::640, None]

class Clips:
    name, dim, clock, fields, parameters = "clips", 1, FeatureClock(25, 20, 20, 20), ("audio",), 5
    def of_clip(self, clip):
        return clip.audio[::640, None].astype(numpy.float32)
    def to(self, device):
        self.device = device

def function(): return Encoder()
def unfinished(): raise RuntimeError("no weights")
class NoClock(Encoder): clock = None
class NoDim(Encoder): dim = 0
class TextDim(Encoder): dim = "512"
class NoName(Encoder): name = None
class Nothing: pass
class NoFields(Clips): fields = None
"""


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    (tmp_path / "my_plugins.py").write_text(PLUGINS)
    (tmp_path / "my_broken.py").write_text("import no_such_library")
    (tmp_path / "my_mistyped.py").write_text("def f(:")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in ("my_plugins", "my_broken", "my_mistyped"):
        sys.modules.pop(name, None)


def test_a_module_in_the_current_folder_gives_an_encoder_or_features_of_clips(plugins):
    features = open_encoder("my_plugins:function", device="cpu")
    np.testing.assert_allclose(features.encode_waveform(SOUND)[:, 0], SOUND[::640] / 32768)
    clips = open_encoder("my_plugins:Clips", device="cpu")
    assert clips.device == "cpu" and clips.parameters == 5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_module:f", "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
        ("my_plugins:nothing_there", "cannot be imported: AttributeError"),
        ("my_broken:f", "cannot be imported: ModuleNotFoundError: No module named 'no_such_library'"),
        ("my_mistyped:f", "cannot be imported: SyntaxError"),
        ("my_plugins:unfinished", "failed when it was made, without arguments: RuntimeError: no weights"),
        ("my_plugins:Nothing", "gave Nothing, which has neither encode nor of_clip"),
        ("my_plugins:NoClock", "clock must be FeatureClock, it has none"),
        ("my_plugins:NoDim", "declares dim 0"),
        ("my_plugins:TextDim", "dim must be int, it has str '512'"),
        ("my_plugins:NoName", "name must be str"),
        ("my_plugins:NoFields", "fields must be tuple"),
    ],
)
def test_a_plug_in_that_is_none_is_refused_in_a_sentence(plugins, name, words):
    with pytest.raises(OptionError, match=words) as error:
        open_encoder(name)
    assert f"encoder {name!r}" in str(error.value) and "\n" not in str(error.value)


def test_the_worked_example_of_the_documentation_is_true(tmp_path, monkeypatch):
    page = (PROJECT / "docs" / "encoders.md").read_text(encoding="utf-8")
    shards = write_dataset(
        tmp_path / "shards", {"train": {"anna": (30, 26)}, "test": {"dora": (30,)}}, shards=1
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    blocks = re.findall(r"```python\n(# (?:my_encoder|write_features)\.py\n.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        Path(block.splitlines()[0].removeprefix("# ")).write_text(block)
    runpy.run_path("write_features.py")
    for split in ("train", "test"):
        clip = next(iter(ClipReader(shards, split, fields=("audio",), shuffle_clips=0)))
        from_files, from_module = (
            open_encoder(name).of_clip(clip) for name in ("features:energy", "my_encoder:Energy")
        )
        np.testing.assert_allclose(from_files, from_module, atol=1e-4)
    sys.modules.pop("my_encoder", None)


def test_the_documentation_names_every_encoder():
    page = (PROJECT / "docs" / "encoders.md").read_text(encoding="utf-8")
    for name in ENCODERS.names():
        assert f"`{name}`" in page, name
