"""What speech networks see, against the formulas written out in numpy: Wav2Lip's mel, the features of the
STFT, their columns and their scale.
"""

import numpy as np
import pytest
import torch
import torchaudio

from speechlip.encoders.networks.spectrum import ComplexStft, Magnitude, Wav2LipMel, spectrum_of
from speechlip.errors import OptionError
from speechlip.spectra import spectrogram

N_FRAMES = 30


@pytest.fixture(scope="module")
def audio():
    """Noise whose loudness and colour change, and a stretch of silence."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, 640 * N_FRAMES)
    drifting = np.convolve(noise, [0.5, 0.3, 0.2], "same") * (1 + np.sin(np.arange(len(noise)) / 900)) * 2500
    drifting[9000:12000] = 0
    return drifting.astype(np.int16)


def slaney_hz(mel):
    return np.where(mel < 15, 200 / 3 * mel, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))


def slaney_mel(hz):
    return 3 * hz / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)


def triangles(low_hz, high_hz, count, n_fft):
    """(count, bins): triangles whose corners are equally far apart in mel, each of area 1 Hz:
    librosa.filters.mel, filter by filter.
    """
    corners = slaney_hz(np.linspace(slaney_mel(low_hz), slaney_mel(high_hz), count + 2))
    bins_hz = np.arange(n_fft // 2 + 1) * 16000 / n_fft
    rows = []
    for left, middle, right in zip(corners, corners[1:], corners[2:], strict=False):
        rising, falling = (bins_hz - left) / (middle - left), (right - bins_hz) / (right - middle)
        rows.append(np.maximum(0, np.minimum(rising, falling)) * 2 / (right - left))
    return np.array(rows)


def wav2lip_mel(samples):
    """(80, columns) of a whole clip in −1 … 1, by the formulas of Wav2Lip's audio.py and hparams.py; librosa
    pads with zeros since 0.10.
    """
    emphasised = samples - 0.97 * np.concatenate([[0], samples[:-1]])
    padded = np.pad(emphasised, 400)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(800) / 800)
    spectrum = np.array(
        [np.fft.rfft(padded[first : first + 800] * hann) for first in range(0, len(samples) + 1, 200)]
    ).T
    decibels = 20 * np.log10(np.maximum(1e-5, triangles(55, 7600, 80, 800) @ np.abs(spectrum))) - 20
    return np.clip(8 * (decibels + 100) / 100 - 4, -4, 4)


def test_every_window_has_wav2lips_columns_of_the_whole_clip(audio):
    """Wav2Lip takes 16 columns from int(80 i / 25).

    The clip is followed by silence, which is what the windows at its end see.
    """
    mel, reads = wav2lip_mel(np.concatenate([audio, np.zeros(640)]) / 32768), Wav2LipMel.reads
    windows = torch.from_numpy(np.stack([reads.cut(audio, start, 5) for start in range(N_FRAMES - 4)]))
    ours = Wav2LipMel()(windows).numpy()
    assert ours.shape == (N_FRAMES - 4, 16, 80)
    for start, window in enumerate(ours):
        first = int(80 * (start / 25))
        np.testing.assert_allclose(window.T, mel[:, first : first + 16], atol=2e-3)
    assert ours.min() == -4 and ours.max() > 0 and len(np.unique(ours[:, 0, 5])) > 15


def test_the_columns_of_a_clip_that_do_not_touch_its_end_are_those_of_the_clip_alone(audio):
    mel = wav2lip_mel(audio / 32768)
    window = Wav2LipMel()(torch.from_numpy(Wav2LipMel.reads.cut(audio, N_FRAMES - 5, 5)[None]))[0].T.numpy()
    np.testing.assert_allclose(window[:, :14], mel[:, 80:94], atol=2e-3)


def test_a_tone_is_as_loud_in_the_mel_as_the_formula_says():
    """A full-scale sine of 1 kHz: |X| is 800/4 in its bin and half of that in the bins beside it, −20 dB of
    reference, area 1 filters.
    """
    tone = (32767 * np.sin(2 * np.pi * 1000 * np.arange(6400) / 16000)).astype(np.int16)
    column = Wav2LipMel()(torch.from_numpy(Wav2LipMel.reads.cut(tone, 2, 5)[None]))[0, 8].numpy()
    gain = abs(1 - 0.97 * np.exp(-2j * np.pi * 1000 / 16000))
    filtered = triangles(55, 7600, 80, 800)[:, 49:52] @ np.array([100, 200, 100]) * gain
    assert column.argmax() == filtered.argmax()
    assert column.max() == pytest.approx(8 * (20 * np.log10(filtered.max()) - 20 + 100) / 100 - 4, abs=1e-3)


@pytest.mark.parametrize(
    ("feature", "formula"),
    [("mag", lambda x: x), ("power", np.square), ("logmag", lambda x: np.log(np.maximum(x, 1e-5)))],
)
@pytest.mark.parametrize("mel", [False, True])
def test_features_of_the_magnitude_are_their_formulas(audio, feature, formula, mel):
    stored = spectrogram(audio)
    filters = torchaudio.functional.melscale_fbanks(257, 0.0, 8000.0, 80, 16000, mel_scale="slaney").numpy()
    wanted = formula(stored.astype(np.float32) @ filters if mel else stored.astype(np.float32))
    np.testing.assert_allclose(
        spectrum_of(feature, mel).values(torch.from_numpy(stored)[None])[0].numpy(),
        wanted,
        rtol=1e-4,
        atol=1e-4,
    )


def test_the_complex_stft_has_the_columns_of_the_stored_magnitude(audio):
    """Away from the clip's edges, where the stored one mirrors the clip; and its phase is that of the
    window's own samples.
    """
    reads, stored = ComplexStft.reads, spectrogram(audio).astype(np.float32)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    for start in (1, 7, N_FRAMES - 6):
        values = ComplexStft().values(torch.from_numpy(reads.cut(audio, start, 5)[None]))[0].numpy()
        assert values.shape == (25, 514)
        magnitude = np.hypot(values[:, :257], values[:, 257:])
        np.testing.assert_allclose(magnitude, stored[5 * start : 5 * start + 25], rtol=2e-3, atol=2e-3)
        samples = audio[640 * start + 3 * 128 - 256 :][:512] / 32768
        column = np.fft.rfft(samples * hann)
        np.testing.assert_allclose(values[3], np.concatenate([column.real, column.imag]), atol=1e-3)


@pytest.mark.parametrize("feature", ["mag", "power", "complex"])
def test_every_feature_is_scaled_by_the_training_speech(audio, feature):
    spectrum = spectrum_of(feature, mel=False)
    speech = torch.from_numpy(audio if feature == "complex" else spectrogram(audio))[None]
    spectrum.fit(speech)
    scaled = spectrum(speech).flatten(0, 1)
    assert scaled.mean(0).abs().max() < 1e-3
    deviation = scaled.std(0)
    assert ((deviation - 1).abs() < 1e-3).sum() >= len(
        deviation
    ) - 2  # the imaginary part is 0 at 0 Hz and at 8 kHz
    assert torch.isfinite(scaled).all()


def test_a_complex_mel_is_refused():
    with pytest.raises(OptionError, match="no feature 'complex' of a mel; there are: logmag, mag, power"):
        spectrum_of("complex", mel=True)


def test_bf16_autocast_leaves_the_spectrum_in_fp32(audio):
    windows = torch.from_numpy(Wav2LipMel.reads.cut(audio, 3, 5)[None])
    with torch.autocast("cpu", torch.bfloat16):
        mel, magnitude = (
            Wav2LipMel()(windows),
            Magnitude(mel=True)(torch.from_numpy(spectrogram(audio))[None]),
        )
    assert mel.dtype == magnitude.dtype == torch.float32
    torch.testing.assert_close(mel, Wav2LipMel()(windows))
