"""Published weights: the right file, read without running it, at the layer that was asked for."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchaudio

from encoders.tiny_models import LAYERS, WIDTH, as_published, save_tiny_whisper, tiny_transformer
from speechlip import assets
from speechlip.encoders.features.catalogue import open_encoder
from speechlip.encoders.features.pretrained import PRETRAINED, open_pretrained
from speechlip.encoders.features.seeded import seeded
from speechlip.errors import ModelError, OptionError
from speechlip.files.stamps import sha256_of

BUNDLES = {
    "hubert": torchaudio.pipelines.HUBERT_BASE,
    "hubert-large": torchaudio.pipelines.HUBERT_LARGE,
    "wav2vec2": torchaudio.pipelines.WAV2VEC2_BASE,
    "wav2vec2-large": torchaudio.pipelines.WAV2VEC2_LARGE_LV60K,
    "wavlm": torchaudio.pipelines.WAVLM_BASE,
    "wavlm-large": torchaudio.pipelines.WAVLM_LARGE,
}
SOUND = np.random.default_rng(1).normal(0, 3000, 640 * 30).astype(np.int16)
NOWHERE = "http://127.0.0.1:9/model.pth"  # the discard port: refuses at once


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A model folder of its own, small architectures, and no network."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("SPEECHLIP_HOME", str(folder))
    for name, entry in PRETRAINED.items():
        kind = ("layer_norm", True) if entry.scaled else ("group_norm", False)
        monkeypatch.setitem(PRETRAINED, name, replace(entry, build=lambda kind=kind: tiny_transformer(*kind)))
        monkeypatch.setitem(assets.ASSETS, name, replace(assets.ASSETS[name], url=NOWHERE))
    return folder


def put_weights(folder, name, seed=5):
    """Seeded weights in the published format, where they are looked for; returns the model and the file."""
    model = seeded(PRETRAINED[name].build, seed).eval()
    file = folder / assets.ASSETS[name].file_name
    torch.save(as_published(model), file)
    return model, file


@pytest.mark.parametrize("name", PRETRAINED)
def test_names_stand_for_torchaudio_s_bundles(name):
    entry, bundle = PRETRAINED[name], BUNDLES[name]
    with torch.device("meta"):
        ours = {key: value.shape for key, value in entry.build().state_dict().items()}
        theirs = {
            key: value.shape
            for key, value in torchaudio.pipelines._wav2vec2.utils._get_model(
                bundle._model_type, bundle._params
            )
            .state_dict()
            .items()
        }
    assert ours == theirs
    assert entry.scaled == bundle._normalize_waveform
    asset = assets.get(entry.asset)
    assert (
        asset.file_name == bundle._path
        and asset.url == f"https://download.pytorch.org/torchaudio/models/{bundle._path}"
    )
    assert asset.bytes == pytest.approx(4 * sum(shape.numel() for shape in ours.values()), rel=1e-3)


@pytest.mark.parametrize("name", ["hubert", "hubert-large"])
def test_weights_in_the_model_folder_are_loaded_and_the_last_layer_is_the_model_s_own_output(home, name):
    model, file = put_weights(home, name)
    features = open_encoder(name)
    waveform = torch.from_numpy(SOUND.astype(np.float32) / 32768)[None]
    if name == "hubert-large":
        waveform = (waveform - waveform.mean()) / torch.sqrt(waveform.var(unbiased=False) + 1e-5)
    with torch.inference_mode():
        np.testing.assert_allclose(features.encode_waveform(SOUND), model(waveform)[0][0], atol=1e-5)
        wanted, _ = model.extract_features(waveform)
        for layer in range(1, LAYERS):
            np.testing.assert_allclose(
                open_encoder(f"{name}@{layer}").encode_waveform(SOUND), wanted[layer - 1][0], atol=1e-5
            )
    assert features.dim == WIDTH and features.weights == sha256_of(file)
    assert features.encode_waveform(SOUND).shape == ((len(SOUND) - 400) // 320 + 1, WIDTH)
    last_named, last = (
        open_encoder(spelling).encode_waveform(SOUND) for spelling in (f"{name}@{LAYERS}", name)
    )
    np.testing.assert_array_equal(last_named, last)
    assert open_encoder(f"{name}@1").name == f"{name}@1"


def test_rows_of_a_batch_do_not_change_one_another(home):
    put_weights(home, "hubert-large")
    encoder = open_pretrained("hubert-large")
    loud = torch.from_numpy(SOUND.astype(np.float32) / 32768)
    with torch.inference_mode():
        both = encoder.encode(torch.stack([loud, 0.01 * loud.flip(0)]))
        np.testing.assert_allclose(both[:1], encoder.encode(loud[None]), atol=1e-5)


def test_a_file_given_by_path_is_loaded(home, tmp_path):
    _, file = put_weights(home, "wav2vec2")
    elsewhere = file.rename(tmp_path / "elsewhere.pth")
    assert open_encoder(f"wav2vec2@2:{elsewhere}").weights == sha256_of(elsewhere)
    with pytest.raises(ModelError, match=r"nothing\.pth is no file"):
        open_encoder("wav2vec2:nothing.pth")


def test_without_file_and_network_it_says_where_to_get_it_and_where_to_put_it(home):
    with pytest.raises(ModelError) as error:
        open_encoder("hubert")
    for needed in ("hubert_fairseq_base_ls960.pth", NOWHERE, "377.5 MB", str(home)):
        assert needed in str(error.value)


def test_the_first_use_pins_the_weights(home):
    _, file = put_weights(home, "hubert")
    open_encoder("hubert")
    assert (home / f"{file.name}.sha256").read_text() == f"{sha256_of(file)}  {file.name}\n"
    put_weights(home, "hubert", seed=6)
    with pytest.raises(
        ModelError,
        match=r"is not the hubert_fairseq.* that was wanted.*remove hubert_fairseq_base_ls960.pth.sha256",
    ):
        open_encoder("hubert")
    (home / f"{file.name}.sha256").unlink()
    open_encoder("hubert")


class Harm:
    """Makes a file when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (self.mark, "w"))


@pytest.mark.parametrize(
    "harm",
    [
        "code",
        "code in a plain pickle",
        "garbage",
        "truncated",
        "other network",
        "other tensors",
        "no tensors",
    ],
)
def test_a_file_that_is_not_these_weights_is_refused(home, tmp_path, harm):
    _, file = put_weights(home, "hubert")
    data = file.read_bytes()
    bad = tmp_path / "bad.pth"
    if harm == "code":
        torch.save({"model": Harm(str(tmp_path / "harmed"))}, bad)
    elif harm == "code in a plain pickle":
        bad.write_bytes(pickle.dumps({"model": Harm(str(tmp_path / "harmed"))}, protocol=2))
    elif harm == "other network":
        torch.save(as_published(tiny_transformer("layer_norm", True)), bad)
    elif harm == "other tensors":
        torch.save({"weight": torch.zeros(3)}, bad)
    elif harm == "no tensors":
        torch.save([1, 2], bad)
    else:
        bad.write_bytes({"garbage": b"<html>not found</html>", "truncated": data[: len(data) // 2]}[harm])
    with pytest.raises(ModelError, match=r"bad\.pth .*; give the file that torchaudio publishes"):
        open_encoder(f"hubert:{bad}")
    assert not (tmp_path / "harmed").exists()


def test_random_weights_are_the_same_every_time_and_leave_the_generator_alone(home):
    torch.manual_seed(11)
    before = torch.get_rng_state()
    one, other = (open_encoder(name).encode_waveform(SOUND) for name in ("random:hubert", "random:hubert"))
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one, open_encoder("hubert", random_init=True).encode_waveform(SOUND))
    assert open_encoder("hubert", random_init=True).name == "random:hubert"
    assert one.std(axis=0).min() > 0


@pytest.mark.parametrize("layer", [LAYERS + 1, 99])
def test_a_layer_that_is_not_there_is_named(home, layer):
    with pytest.raises(OptionError, match=rf"there are layers 0 … {LAYERS}"):
        open_encoder(f"random:wavlm@{layer}")


@pytest.fixture(scope="module")
def whisper_folder(tmp_path_factory):
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("whisper")
    return folder, save_tiny_whisper(folder)


def test_whisper_s_layers_are_those_of_transformers(whisper_folder):
    from transformers import WhisperFeatureExtractor

    folder, model = whisper_folder
    mel = WhisperFeatureExtractor(feature_size=20)(
        SOUND.astype(np.float32) / 32768, sampling_rate=16000, return_tensors="pt"
    ).input_features
    with torch.inference_mode():
        wanted = model.get_encoder()(mel, output_hidden_states=True)
    last = open_encoder(f"whisper:{folder}")
    np.testing.assert_allclose(last.encode_waveform(SOUND), wanted.last_hidden_state[0, :60], atol=1e-5)
    np.testing.assert_allclose(
        open_encoder(f"whisper@1:{folder}").encode_waveform(SOUND),
        wanted.hidden_states[1][0, :60],
        atol=1e-5,
    )
    positions = model.get_encoder().embed_positions.weight[:60].detach()
    front = open_encoder(f"whisper@0:{folder}").encode_waveform(SOUND)
    np.testing.assert_allclose(front + positions.numpy(), wanted.hidden_states[0][0, :60], atol=1e-5)
    assert last.weights == sha256_of(folder / "model.safetensors") and last.dim == 16


def test_all_of_whisper_s_layers_are_the_layers_one_by_one(whisper_folder):
    stack = open_encoder(f"whisper@*:{whisper_folder[0]}", mix=True)
    layers = stack.encode_waveform(SOUND).reshape(-1, 3, 16)
    for layer in range(3):
        alone = open_encoder(f"whisper@{layer}:{whisper_folder[0]}").encode_waveform(SOUND)
        np.testing.assert_allclose(layers[:, layer], alone, atol=1e-5)


def test_whisper_reads_nothing_but_safetensors(whisper_folder, tmp_path):
    folder, model = whisper_folder
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="is no Whisper with safetensors"):
        open_encoder(f"whisper:{tmp_path}")


def test_whisper_without_network_says_what_to_copy(whisper_folder, tmp_path, monkeypatch):
    from transformers import WhisperModel

    def unreachable(source, local_files_only=False, **options):
        raise OSError(f"cannot reach {source}\nand more lines")

    monkeypatch.setattr(WhisperModel, "from_pretrained", unreachable)
    with pytest.raises(ModelError) as error:
        open_encoder("whisper:tiny")
    for needed in (
        "openai/whisper-tiny",
        "cannot reach",
        "config.json and model.safetensors",
        "whisper:FOLDER",
    ):
        assert needed in str(error.value)
    assert "\n" not in str(error.value)


def test_whisper_sizes_and_random_weights(whisper_folder):
    folder, _ = whisper_folder
    one, other = (open_encoder(f"random:whisper:{folder}") for _ in range(2))
    np.testing.assert_array_equal(one.encode_waveform(SOUND), other.encode_waveform(SOUND))
    assert not np.allclose(
        one.encode_waveform(SOUND), open_encoder(f"whisper:{folder}").encode_waveform(SOUND)
    )
    with pytest.raises(OptionError, match="no Whisper 'tny'; there are: tiny, base"):
        open_encoder("whisper:tny")
    with pytest.raises(ModelError, match="hears 30 s at a time, 31"):
        one.encoder.encode(torch.zeros(1, 31 * 16000))


def test_whisper_without_transformers_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(OptionError, match=r"pip install -e '\.\[encoders\]'"):
        open_encoder("whisper:tiny")
