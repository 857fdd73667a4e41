"""The networks against their tables: sizes, shapes, what they see; spectra against torchaudio."""

import numpy as np
import pytest
import torch

from speechlip.encoders.networks.layers import parameter_count
from speechlip.encoders.networks.lips import LipEncoder, rows_read, stacked
from speechlip.encoders.networks.pair import build_pair
from speechlip.encoders.networks.registry import options_of, speech_network, windows_of
from speechlip.encoders.networks.spectrum import Magnitude
from speechlip.encoders.networks.speech import GruEncoder
from speechlip.encoders.registry import SPEECH_NETWORKS
from speechlip.errors import OptionError, ShardError
from speechlip.shards.pairs.speech_windows import SpeechWindows
from speechlip.spectra import spectrogram

TABLE_2 = [  # channels in, channels, kernel
    *[
        (15, 32, 7),
        (32, 64, 5),
        (64, 64, 3),
        (64, 64, 3),
        (64, 128, 3),
        (128, 128, 3),
        (128, 128, 3),
        (128, 256, 3),
        (256, 256, 3),
    ],
    *[(256, 512, 3), (512, 512, 3), (512, 512, 3), (512, 512, 3), (512, 512, 1)],
]
WAV2LIP_SPEECH = [
    *[
        (1, 32, 3),
        (32, 32, 3),
        (32, 32, 3),
        (32, 64, 3),
        (64, 64, 3),
        (64, 64, 3),
        (64, 128, 3),
        (128, 128, 3),
        (128, 128, 3),
    ],
    *[(128, 256, 3), (256, 256, 3), (256, 256, 3), (256, 512, 3), (512, 512, 1)],
]
SHAPES_AT_96 = [
    *[
        (32, 96, 96),
        (64, 94, 47),
        (64, 94, 47),
        (64, 94, 47),
        (128, 47, 24),
        (128, 47, 24),
        (128, 47, 24),
        (256, 24, 12),
        (256, 24, 12),
    ],
    *[(512, 12, 6), (512, 12, 6), (512, 6, 3), (512, 1, 1), (512, 1, 1)],
]


def convolutions(rows):
    """Weights, biases, and the two numbers per channel of batch norm."""
    return sum(
        kernel * kernel * channels_in * channels + 3 * channels for channels_in, channels, kernel in rows
    )


def gru(width_in, width, layers=8):
    """Three gates, each with weights for input and state and two biases."""
    widths = [width_in] + [width] * (layers - 1)
    return sum(3 * (width * (below + width) + 2 * width) for below in widths)


def test_sizes_are_those_of_the_tables():
    assert parameter_count(LipEncoder()) == convolutions(TABLE_2) == 9_932_544
    found = {name: parameter_count(speech_network(name)) for name in SPEECH_NETWORKS.built_in}
    assert found["se4lip"] == found["stft-gru"] == gru(257, 512) == 12_215_808
    assert found["stft-gru-small"] == gru(257, 256) + 256 * 512 + 512 == 3_290_368
    assert found["mel-gru"] == gru(80, 512) == 11_943_936
    assert (
        found["mel-cnn"]
        == found["stft-cnn"]
        == found["mel-cnn-wav2lip"]
        == convolutions(WAV2LIP_SPEECH)
        == 3_403_264
    )
    assert parameter_count(speech_network("se4lip", feature="complex")) == gru(514, 512) == 12_610_560
    assert (
        parameter_count(speech_network("stft-cnn", feature="complex")) == 3_403_264 + 9 * 32
    )  # a second channel in the first row


def test_every_row_of_the_lip_network_has_the_shape_of_the_table():
    network, shapes = LipEncoder("literal").eval(), []
    for layer in network.layers:
        layer.register_forward_hook(lambda module, given, out: shapes.append(tuple(out.shape[1:])))
    network(torch.zeros(1, 5, 96, 96, 3, dtype=torch.uint8))
    assert shapes == SHAPES_AT_96


def influence(network, rows):
    """How much each row of a picture moves the output: gradients of random outputs, summed over the row."""
    torch.manual_seed(0)
    pixels = torch.rand(2, 15, rows, 96, requires_grad=True)
    out = network.eval().layers(pixels)
    (out * torch.randn_like(out)).sum().backward()
    return pixels.grad.abs().sum((0, 1, 3))


def test_literal_input_never_sees_the_lowest_quarter_and_the_mouth_rows_are_all_seen():
    literal = influence(LipEncoder("literal"), 96)
    assert literal[72:].max() == 0 and literal[:48].sum() > 0.9 * literal.sum()
    assert influence(LipEncoder("mouth"), 48).min() > 0


def test_frames_and_colours_are_stacked_in_order():
    lips = torch.randint(0, 256, (2, 5, 96, 96, 3), dtype=torch.uint8)
    seen = stacked(lips, rows_read("mouth"))
    assert seen.shape == (2, 15, 48, 96)
    assert seen[1, 3 * 4 + 2, 10, 20] == lips[1, 4, 24 + 10, 20, 2] / 255
    assert torch.equal(stacked(lips, rows_read("literal"))[0, 0], lips[0, 0, :, :, 0] / 255)


def drawn_speech(network, n=3):
    """Windows of noise in the form that the network reads."""
    reads, rng = windows_of(network), np.random.default_rng(0)
    audio = (rng.normal(0, 3000, (n, 640 * 5)) * np.hanning(3200)).astype(np.int16)
    clips = audio if reads.form == "waveform" else [spectrogram(clip) for clip in audio]
    return torch.from_numpy(np.stack([reads.cut(clip, 0, 5) for clip in clips]))


NETWORKS = [
    *[
        ("stft-gru-small", {}),
        ("stft-gru-small", {"pool": "mean", "feature": "complex"}),
        ("mel-gru", {"feature": "mag"}),
    ],
    *[
        ("mel-cnn", {}),
        ("stft-cnn", {"feature": "power"}),
        ("stft-cnn", {"feature": "complex"}),
        ("mel-cnn-wav2lip", {}),
    ],
]


@pytest.mark.parametrize(("name", "chosen"), NETWORKS)
def test_a_network_makes_512_numbers_of_each_window_alone_and_every_weight_learns(name, chosen):
    torch.manual_seed(0)
    network = speech_network(name, **chosen)
    speech = drawn_speech(network)
    if hasattr(network.spectrum, "fit"):
        network.spectrum.fit(speech)
    out = network.train()(speech)
    assert out.shape == (3, 512) and out.dtype == torch.float32
    (out * torch.randn_like(out)).sum().backward()
    still = [name for name, weight in network.named_parameters() if not weight.grad.abs().max() > 0]
    assert not still
    with torch.inference_mode():
        together = network.eval()(speech)
        alone = torch.cat([network(speech[row : row + 1]) for row in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)
    assert (alone[0] - alone[1]).abs().max() > 1e-3


def test_pools_are_the_last_state_and_the_mean_of_all():
    speech = torch.rand(2, 25, 257)
    for pool in ("last", "mean"):
        torch.manual_seed(0)
        network = GruEncoder(Magnitude("mag"), pool, layers=2)
        states = network.gru(speech)[0]
        torch.testing.assert_close(
            network(speech), states[:, 24] if pool == "last" else sum(states.unbind(1)) / 25
        )


def test_mel_is_that_of_the_same_stft():
    audio = (np.random.default_rng(0).normal(0, 3000, 640 * 5)).astype(np.int16)
    ours = Magnitude(mel=True).values(torch.from_numpy(spectrogram(audio)))
    torchaudios = torch.from_numpy(spectrogram(audio, "mel")).float().log()
    torch.testing.assert_close(ours, torchaudios, rtol=0, atol=2e-3)  # both were rounded to float16


def test_fitted_spectrum_has_mean_0_and_deviation_1_and_keeps_a_constant_bin():
    magnitude = torch.rand(4, 50, 257) * 10
    magnitude[..., 7] = 0.5
    spectrum = Magnitude()
    spectrum.fit(magnitude)
    scaled = spectrum(magnitude).flatten(0, 1)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(257), atol=1e-4, rtol=0)
    changing = torch.arange(257) != 7
    torch.testing.assert_close(scaled.std(0)[changing], torch.ones(256), atol=1e-4, rtol=0)
    assert scaled[:, 7].abs().max() < 1e-4
    assert {"mean", "deviation"} <= set(spectrum.state_dict())


def test_silence_is_finite():
    assert torch.isfinite(speech_network("mel-cnn").eval()(torch.zeros(2, 25, 257))).all()


def test_another_width_is_refused():
    with pytest.raises(
        ShardError, match="257 bins is wanted, these have 80; prepare with --spectrogram stft"
    ):
        speech_network("se4lip")(torch.zeros(1, 25, 80))


def test_rectified_embeddings_have_no_negative_number_and_the_others_have():
    torch.manual_seed(0)
    lips, speech = torch.randint(0, 256, (8, 5, 96, 96, 3), dtype=torch.uint8), torch.rand(8, 25, 257)
    for rectified in (True, False):
        embeddings = build_pair("mel-cnn", "mouth", rectified)(lips, speech)
        assert all(bool((embedding < 0).any()) != rectified for embedding in embeddings)


def test_a_plain_gru_starts_nearly_blind_and_the_batch_norm_opens_its_eyes():
    torch.manual_seed(0)
    pair, speech = build_pair("se4lip", "mouth", rectified=False), torch.rand(16, 25, 257)

    def mean_cosine(rows):
        rows = torch.nn.functional.normalize(rows, dim=1)
        return (rows @ rows.T)[~torch.eye(16, dtype=torch.bool)].mean().item()

    with torch.inference_mode():
        assert mean_cosine(pair.speech(speech)) > 0.9
        assert mean_cosine(pair.embed_speech(speech)) < 0.1


def test_names_are_listed_and_unknown_ones_refused():
    assert SPEECH_NETWORKS.names() == [
        "se4lip",
        "stft-gru",
        "stft-gru-small",
        "mel-gru",
        "mel-cnn",
        "mel-cnn-wav2lip",
        "stft-cnn",
        "pase",
    ]
    with pytest.raises(OptionError, match="no encoder 'hubrt'; there are: se4lip, stft-gru, stft-gru-small"):
        speech_network("hubrt")
    with pytest.raises(OptionError, match="no lip input 'top'; there are: mouth, literal"):
        LipEncoder("top")


def test_another_package_adds_an_encoder_by_entry_point(tmp_path, monkeypatch):
    (tmp_path / "theirs.py").write_text(
        "from speechlip.shards.pairs.speech_windows import SpeechWindows\nfrom torch import nn\n\n"
        "def make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(25 * 257, 512))\n\n"
        "class Hearing(nn.Identity):\n    reads = SpeechWindows('waveform', before=256, after=128)\n"
    )
    facts = tmp_path / "theirs-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[speechlip.speech_networks]\ntheirs = theirs:make\nhearing = theirs:Hearing\nbroken = nowhere:make\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "theirs" in SPEECH_NETWORKS.names()
    assert build_pair("theirs", "mouth", True).embed_speech(torch.rand(2, 25, 257)).shape == (2, 512)
    assert build_pair("hearing", "mouth", True).reads == SpeechWindows("waveform", before=256, after=128)
    with pytest.raises(OptionError, match="encoder 'theirs' has no choice of pool"):
        build_pair("theirs", "mouth", True, pool="last")
    with pytest.raises(OptionError, match="'broken' cannot be imported from nowhere:make"):
        speech_network("broken")


def test_an_option_that_a_network_cannot_have_is_refused():
    assert options_of("se4lip", {"feature": "", "pool": "mean"}) == {"feature": "logmag", "pool": "mean"}
    assert options_of("mel-cnn-wav2lip", {"feature": "", "pool": ""}) == {}
    with pytest.raises(OptionError, match="no feature 'cepstrum'; there are: logmag, mag, power, complex"):
        options_of("se4lip", {"feature": "cepstrum"})
    with pytest.raises(OptionError, match="no pool 'max'; there are: last, mean"):
        options_of("mel-cnn", {"pool": "max"})
    with pytest.raises(
        OptionError,
        match="encoder 'mel-cnn' has no choice of pool; leave it out, or take one of: se4lip, stft-gru",
    ):
        options_of("mel-cnn", {"pool": "last"})
    with pytest.raises(
        OptionError, match="encoder 'mel-gru' cannot have feature 'complex'; it has: logmag, mag, power"
    ):
        options_of("mel-gru", {"feature": "complex"})
    with pytest.raises(OptionError, match="'mel-cnn-wav2lip' has no choice of feature"):
        build_pair("mel-cnn-wav2lip", "mouth", True, feature="mag")


def test_a_network_must_say_what_it_reads_in_the_form_that_loaders_take():
    network = torch.nn.Identity()
    assert windows_of(network) == SpeechWindows()
    network.reads = "waveform"
    with pytest.raises(OptionError, match=r"Identity\.reads is 'waveform'; it must be a speechlip\.shards"):
        windows_of(network)
