"""Augmentation: each change, one for all frames of a window, and random by seed, step and rank alone."""

import numpy as np
import pytest
import torch

from speechlip.errors import OptionError
from speechlip.training.options import PRESETS, TrainOptions
from speechlip.training.paper import unlike_paper
from speechlip.training.step.augment import (
    FACTOR,
    SHIFT_PX,
    SIZE_FACTOR,
    SNR_DB,
    augment,
    flipped,
    generator,
    moved,
    noisy_magnitude,
    noisy_waveform,
    parse_augmentations,
    recoloured,
    shifted,
)

CPU = torch.device("cpu")


def draw(step=0, seed=0, rank=0):
    return generator(CPU, seed, step, rank)


@pytest.fixture(scope="module")
def lips():
    """Four windows of five frames, each frame the same picture as its neighbours, of middling grey so that
    nothing is clipped.
    """
    pictures = torch.randint(
        90, 140, (4, 1, 96, 96, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8
    )
    return pictures.expand(-1, 5, -1, -1, -1).contiguous()


@pytest.fixture(scope="module")
def batch(lips):
    spectrogram = torch.rand(4, 25, 257, generator=torch.Generator().manual_seed(2)).half()
    return {"lips": lips, "spectrogram": spectrogram, "label": torch.ones(4), "keys": [("a", "a")] * 4}


@pytest.mark.parametrize("change", [recoloured, shifted, flipped])
def test_every_frame_of_a_window_is_changed_alike_and_windows_are_not(lips, change):
    changed = change(lips, draw(3))
    assert changed.dtype == torch.uint8 and changed.shape == lips.shape
    assert all(torch.equal(changed[:, 0], changed[:, frame]) for frame in range(1, 5))
    same = change(lips[:1].expand(8, -1, -1, -1, -1), draw(3))
    assert len({window.numpy().tobytes() for window in same}) > 1


def test_flipping_twice_gives_the_same_lips(lips):
    once = flipped(lips, draw(5))
    assert torch.equal(flipped(once, draw(5)), lips)
    assert {torch.equal(*windows) for windows in zip(once, lips, strict=True)} == {True, False}
    assert all(
        torch.equal(window, own) or torch.equal(window, own.flip(2))
        for window, own in zip(once, lips, strict=True)
    )


def test_a_move_by_whole_pixels_moves_pixels_and_repeats_the_edge(lips):
    right_and_up = moved(lips, torch.tensor([[2.0, -3.0]] * 4), torch.ones(4))
    assert torch.equal(right_and_up[:, :, :93, 2:], lips[:, :, 3:, :94])
    assert torch.equal(right_and_up[:, :, :93, :2], lips[:, :, 3:, :1].expand(-1, -1, -1, 2, -1))


def test_a_size_of_two_shows_the_middle_half():
    ramp = (
        torch.arange(96.0)
        .mul(2)
        .to(torch.uint8)
        .expand(96, 96)[None, None, :, :, None]
        .expand(1, 5, 96, 96, 3)
    )
    row = moved(ramp, torch.zeros(1, 2), torch.tensor([2.0]))[0, 0, 50, :, 0].float()
    centres = (np.arange(96) + 0.5 - 48) / 2 + 48  # where each pixel's centre lay before
    np.testing.assert_allclose(row, 2 * (centres - 0.5), atol=0.51)


def test_shifts_stay_within_their_range():
    spot = torch.zeros(200, 1, 96, 96, 3, dtype=torch.uint8)
    spot[:, :, 40:56, 40:56] = 255
    grown = shifted(spot, draw(1))[:, 0, :, :, 0].double()
    share = grown / grown.sum((1, 2), keepdim=True)
    place = torch.arange(96.0) + 0.5
    centres = torch.stack([(share.sum(1) * place).sum(1), (share.sum(2) * place).sum(1)]) - 48
    assert 0.9 * SHIFT_PX < centres.abs().max() < SHIFT_PX + 0.1
    sizes = (grown.sum((1, 2)) / 255).sqrt() / 16
    assert 1 / SIZE_FACTOR - 0.01 < sizes.min() < 0.97 and 1.03 < sizes.max() < SIZE_FACTOR + 0.01


def test_colour_keeps_grey_grey_and_its_factors_in_range(lips):
    grey = lips[..., :1].expand(-1, -1, -1, -1, 3).contiguous()
    changed = recoloured(grey, draw(2)).int()
    assert (changed.max(-1).values == changed.min(-1).values).all()
    flat = torch.full((300, 1, 4, 4, 3), 100, dtype=torch.uint8)  # one colour: brightness is all that is left
    levels = recoloured(flat, draw(2))[:, 0, 0, 0, 0] / 100
    assert 1 / FACTOR - 0.01 <= levels.min() < 0.85 and 1.18 < levels.max() <= FACTOR + 0.01


def test_colour_by_hand():
    """The three steps one after the other in numpy, with the same random factors."""
    lips = torch.randint(
        60, 160, (3, 5, 8, 8, 3), generator=torch.Generator().manual_seed(4), dtype=torch.uint8
    )
    factors = draw(7)
    brightness, saturation, contrast = (
        (FACTOR ** (2 * torch.rand(3, generator=factors) - 1)).numpy() for _ in range(3)
    )
    for window in range(3):
        bright = brightness[window] * lips[window].numpy().astype(float)
        grey = bright @ [0.299, 0.587, 0.114]
        saturated = grey[..., None] + saturation[window] * (bright - grey[..., None])
        wanted = grey.mean() + contrast[window] * (saturated - grey.mean())
        np.testing.assert_allclose(recoloured(lips, draw(7))[window], wanted.clip(0, 255), atol=0.51)


def test_noise_on_a_waveform_has_the_level_that_was_drawn():
    speech = 8000 * torch.sin(torch.arange(3200.0) * 0.3).expand(400, -1)
    noise = noisy_waveform(speech, draw(1)) - speech
    snr_db = 10 * torch.log10(speech.square().mean(1) / noise.square().mean(1))
    low, high = SNR_DB
    assert low - 0.01 < snr_db.min() < low + 1 and high - 1 < snr_db.max() < high + 0.01
    np.testing.assert_allclose(snr_db.mean(), (low + high) / 2, atol=1.5)


def test_noise_on_a_magnitude_is_that_on_the_waveform():
    """|X| of a loud sound with noise under it: against the STFT of waveforms to which noise of the same power
    was added.
    """
    rng, samples = np.random.default_rng(0), 24 * 128 + 512
    wave = np.sin(np.arange(samples) * 0.4)
    window = np.hanning(513)[:-1]

    def stft(signal):
        return np.array([np.abs(np.fft.rfft(window * signal[128 * n : 128 * n + 512])) for n in range(25)])

    quiet = np.arange(257) > 60  # far above the sine (bin 33): noise alone
    clean = stft(wave)
    noisy = noisy_magnitude(torch.from_numpy(clean).float().expand(300, -1, -1), draw(2)).numpy()
    power = (noisy[:, :, quiet] ** 2).mean((1, 2))
    snr_db = 10 * np.log10((clean**2).mean() / power)
    assert SNR_DB[0] - 1 < snr_db.min() < SNR_DB[0] + 1.5 and SNR_DB[1] - 1.5 < snr_db.max() < SNR_DB[1] + 1
    loudest = int(power.argmax())
    scale = np.sqrt(power[loudest] / (window**2).sum())
    truth = np.array([stft(wave + scale * rng.normal(size=samples)) for _ in range(60)])
    ours = noisy[snr_db < snr_db[loudest] + 1]
    np.testing.assert_allclose(
        ours[:, :, quiet].mean() / np.sqrt((ours[:, :, quiet] ** 2).mean()), np.sqrt(np.pi) / 2, atol=0.01
    )  # Rayleigh
    neighbours = [
        np.corrcoef(found[:, :-1, quiet].ravel(), found[:, 1:, quiet].ravel())[0, 1]
        for found in (truth, noisy[[loudest]])
    ]
    np.testing.assert_allclose(
        neighbours[1], neighbours[0], atol=0.05
    )  # columns overlap as they do in speech
    np.testing.assert_allclose(noisy[loudest, :, 33].mean(), truth[:, :, 33].mean(), rtol=0.05)


def test_silence_stays_silent_and_types_stay():
    assert not noisy_magnitude(torch.zeros(2, 25, 257, dtype=torch.float16), draw()).any()
    loud = torch.full((2, 800), 32767, dtype=torch.int16)
    changed = noisy_waveform(loud, draw())
    assert (
        changed.dtype == torch.int16
        and changed.max() == 32767
        and (changed > 0).all()
        and changed.min() < 32767
    )
    assert noisy_magnitude(torch.ones(2, 25, 257, dtype=torch.float16), draw()).dtype == torch.float16


def test_draws_depend_on_seed_step_and_rank_alone(batch):
    names = parse_augmentations("colour,shift,flip,noise")
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = augment(batch, names, seed=1, step=2, rank=3)
    assert torch.equal(torch.get_rng_state(), before)
    again = augment(batch, names, seed=1, step=2, rank=3)
    assert torch.equal(first["lips"], again["lips"]) and torch.equal(
        first["spectrogram"], again["spectrogram"]
    )
    for other in (
        {"seed": 2, "step": 2, "rank": 3},
        {"seed": 1, "step": 3, "rank": 3},
        {"seed": 1, "step": 2, "rank": 0},
    ):
        changed = augment(batch, names, **other)
        assert not torch.equal(first["lips"], changed["lips"]) and not torch.equal(
            first["spectrogram"], changed["spectrogram"]
        )
    assert first["keys"] is batch["keys"] and first["spectrogram"].dtype == torch.float16


def test_only_what_was_asked_for_is_changed(batch):
    assert all(augment(batch, (), 0, 1)[name] is batch[name] for name in batch)
    noisy = augment(batch, ("noise",), 0, 1)
    assert noisy["lips"] is batch["lips"] and not torch.equal(noisy["spectrogram"], batch["spectrogram"])
    waveform = {"lips": batch["lips"], "waveform": torch.full((4, 3200), 1000, dtype=torch.int16)}
    assert not torch.equal(augment(waveform, ("noise",), 0, 1)["waveform"], waveform["waveform"])
    assert augment(waveform, ("colour",), 0, 1)["waveform"] is waveform["waveform"]


def test_presets_leave_it_off_and_an_unknown_name_is_refused():
    assert all(TrainOptions.preset(preset).augmentations == () for preset in PRESETS)
    assert unlike_paper(TrainOptions.preset("paper", augment="flip"))["augment"] == "flip, not stated"
    with pytest.raises(
        OptionError,
        match=(
            "no augmentation 'mirror'; there are: colour, shift, flip, noise, with commas between them, or "
            "none"
        ),
    ):
        TrainOptions.preset("paper", augment="colour,mirror")
