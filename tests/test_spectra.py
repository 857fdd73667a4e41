"""spectrogram() against torchaudio, numpy's own FFT, and arithmetic by hand."""

import numpy as np
import pytest
import torch
import torchaudio

from speechlip.errors import OptionError
from speechlip.spectra import spectrogram

NOISE = np.random.default_rng(0).integers(-20000, 20000, 640 * 7).astype(np.int16)


def test_stft_is_what_torchaudio_gives_without_the_last_column():
    transform = torchaudio.transforms.Spectrogram(n_fft=512, win_length=512, hop_length=128, power=1)
    expected = transform(torch.from_numpy(NOISE / np.float32(32768)))[:, :35].T.numpy().astype(np.float16)
    assert spectrogram(NOISE).dtype == np.float16
    np.testing.assert_array_equal(spectrogram(NOISE), expected)


def test_stft_column_is_the_fft_of_its_hann_window():
    column = 12
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    samples = NOISE[column * 128 - 256 : column * 128 + 256] / 32768
    np.testing.assert_allclose(
        spectrogram(NOISE)[column], np.abs(np.fft.rfft(samples * window)), rtol=2e-3, atol=1e-3
    )


def test_full_scale_sine_reaches_128_in_its_bin():
    sine = np.round(32767 * np.sin(2 * np.pi * 1000 * np.arange(640 * 5) / 16000)).astype(np.int16)
    middle = spectrogram(sine)[12].astype(float)
    assert middle.argmax() == 32  # 1000 Hz / 31.25 Hz
    assert middle.max() == pytest.approx(128, rel=1e-3)


def test_mel_has_no_empty_filter_and_is_torchaudios():
    mel = spectrogram(NOISE, "mel")
    assert mel.shape == (35, 80)
    assert (mel.astype(float).mean(0) > 0).all()


def test_half_a_frame_is_an_error_and_so_is_another_kind():
    with pytest.raises(ValueError, match="1000 is not a multiple of 640"):
        spectrogram(np.zeros(1000, np.int16))
    with pytest.raises(OptionError, match="no spectrogram 'cqt'; there are: stft, mel"):
        spectrogram(NOISE, "cqt")
