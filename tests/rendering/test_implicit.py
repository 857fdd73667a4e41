"""The implicit renderer on arrays of 24×24 px: parameters, sampling, losses, learning, going on."""

import io
import pickle

import numpy as np
import pytest
import torch

from speechlip.errors import ModelError, OptionError
from speechlip.metrics.image.lpips import random_lpips
from speechlip.progress import SILENT
from speechlip.rendering.implicit_options import ImplicitOptions, given_options
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.renderers.implicit import learning
from speechlip.rendering.renderers.implicit.blend import BlendLesson, BlendNet, blended, pasted
from speechlip.rendering.renderers.implicit.judges import eq6, other_time
from speechlip.rendering.renderers.implicit.learning import learn
from speechlip.rendering.renderers.implicit.lips import Crops, LipLesson, say
from speechlip.rendering.renderers.implicit.network import (
    SIZES,
    AudioNet,
    LipNetwork,
    parameters,
    point_code,
)
from speechlip.rendering.renderers.implicit.renderer import memory_advised
from speechlip.rendering.renderers.implicit.sampling import centres, corners, jittered, random_shift

PX, FRAMES, TRAIN = 24, 40, 30


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def data():
    """A bright square whose height is what is heard: features (40, 3), crops (40, 24, 24, 3)."""
    loud = np.random.default_rng(0).random(FRAMES).round(1)
    crops = np.full((FRAMES, PX, PX, 3), 90, np.uint8)
    for crop, height in zip(crops, loud, strict=True):
        crop[8 : 8 + round(12 * height), 6:18] = (200, 120, 60)
    features = np.stack([loud, loud**2, np.ones(FRAMES)], axis=1).astype(np.float32)
    return Crops(torch.from_numpy(features), torch.from_numpy(crops), np.arange(TRAIN), TRAIN)


def learned(data, tmp_path, **options):
    lesson = LipLesson(data, ImplicitOptions(**options))
    learn(lesson, tmp_path / "lips.pt", "this", SILENT)
    return lesson.network


def crops_of(network, data, frames=(30, 31, 35)):
    frames = np.array(frames)
    return say(network, data, frames, frames, "fp32")


@pytest.mark.parametrize("size", SIZES)
def test_parameters_are_those_of_the_release(size):
    """With its time input and without AudioNet, as the release counts; encoders.md's table has both."""
    network = LipNetwork(size, 29, time=True)
    assert parameters(network.audio) == parameters(AudioNet(29)) == 32_800
    assert parameters(network) - 32_800 == SIZES[size].parameters
    assert {name: each.parameters for name, each in SIZES.items()} == {"lite": 148_867, "faithful": 658_691}
    assert parameters(network) - parameters(LipNetwork(size, 29)) == 2 * 21 * SIZES[size].width


def test_blend_net_has_the_parameters_of_the_release():
    assert parameters(BlendNet()) == 1_036_035


def test_audio_net_takes_features_of_any_length():
    for dim in (1, 29, 1536):
        assert AudioNet(dim)(torch.zeros(2, 5, dim)).shape == (2, 64)


def test_audio_net_begins_by_letting_differences_through():
    """torch's own start gives a deviation of 0.002, and lips that are the mean for a thousand steps."""
    torch.manual_seed(0)
    heard = AudioNet(80)(torch.randn(200, 5, 80))
    assert 0.1 < heard.std(dim=0).mean() < 2


def test_a_point_is_coded_by_itself_and_ten_octaves():
    code = point_code(torch.tensor([0.25, 1.0]))
    assert code.shape == (42,) and code[:2].tolist() == [0.25, 1.0]
    assert code[2 + 3].item() == pytest.approx(np.sin(8 * 0.25)) and code[-1] == pytest.approx(np.cos(512))


def test_corners_count_as_the_area_on_the_other_side():
    """A square moved by 0.2 px to the right and 0.4 up: its left is 0.3 px away, its lower edge 0.1."""
    points, shares = corners(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.2, -0.4]]), 10)
    assert shares[0].tolist() == pytest.approx([0.7 * 0.1, 0.3 * 0.1, 0.7 * 0.9, 0.3 * 0.9])
    assert points[0, 0].tolist() == pytest.approx([0.47, 0.41])
    assert (points[0] * shares[0, :, None]).sum(0).tolist() == pytest.approx([0.5, 0.5])


def test_corners_surround_every_pixel_and_samples_lie_near_it():
    sample, grid = torch.Generator().manual_seed(0), centres(PX)
    points, shares = corners(grid, random_shift(len(grid), sample), PX)
    assert torch.allclose(shares.sum(1), torch.ones(len(grid))) and (shares >= 0).all()
    assert ((points - grid[:, None]).abs() <= 1 / PX + 1e-6).all()
    assert torch.allclose((points * shares[..., None]).sum(1), grid, atol=1e-6)
    off = (jittered(grid, PX, sample) - grid) * PX
    assert abs(off.std().item() - 0.25) < 0.03 and abs(off.mean().item()) < 0.03


def test_eq_6_by_hand():
    """Cosines 0.6 and 0.8 of the match, −1 and 0.28 of the other time: (0.4 + 0.2 + 0 + 0.28) / 4."""
    lips = torch.tensor([[3.0, 4.0], [2.0, 0.0]])
    right, other = torch.tensor([[5.0, 0.0], [8.0, 6.0]]), torch.tensor([[-3.0, -4.0], [7.0, 24.0]])
    assert eq6(lips, right, other).item() == pytest.approx(0.88 / 4)


def test_the_negative_term_moves_rendered_lips_and_cannot_move_true_ones():
    speech, rendered = torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 0.0]], requires_grad=True)
    eq6(rendered, torch.tensor([[1.0, 0.0]]), speech).backward()
    assert rendered.grad[0, 1] > 0  # away from the speech of the other time
    true = torch.tensor([[1.0, 0.0]])
    assert not eq6(true, true, speech).requires_grad


def test_the_other_time_shares_no_frame():
    starts = np.arange(3, 20)
    picked = {other_time(10, starts, share) for share in np.linspace(0, 0.999, 50)}
    assert picked == {3, 4, 5, 15, 16, 17, 18, 19}


@pytest.mark.slow
def test_one_frame_is_learned_by_heart(data, tmp_path):
    one = Crops(data.features, data.crops, np.array([3]), TRAIN)
    said = crops_of(learned(one, tmp_path, steps=100), one, [3])[0]
    error = np.mean((said.astype(float) - data.crops[3].numpy()) ** 2)
    assert 20 * np.log10(255 / np.sqrt(error)) > 35


def test_features_that_never_change_give_one_image(data, tmp_path):
    deaf = Crops(torch.ones_like(data.features), data.crops, data.train, TRAIN)
    crops = crops_of(learned(deaf, tmp_path, steps=3), deaf)
    assert (crops == crops[0]).all()
    heard = crops_of(learned(data, tmp_path / "other", steps=3), data)
    assert not (heard == heard[0]).all()


def test_time_is_heard_where_it_is_asked_for(data, tmp_path):
    deaf = Crops(torch.ones_like(data.features), data.crops, data.train, TRAIN)
    crops = crops_of(learned(deaf, tmp_path, steps=3, time=True), deaf)
    assert not (crops == crops[0]).all()


def test_the_same_seed_gives_the_same_bytes(data, tmp_path):
    one, two, other = (
        crops_of(learned(data, tmp_path / name, steps=3, seed=seed), data)
        for name, seed in (("one", 5), ("two", 5), ("other", 6))
    )
    assert np.array_equal(one, two) and not np.array_equal(one, other)


class Kill:
    """A lesson that is killed at one step."""

    def __init__(self, lesson, at):
        self.lesson, self.at = lesson, at
        self.title, self.steps, self.network, self.rate = "", lesson.steps, lesson.network, lesson.rate

    def loss(self, step):
        if step == self.at:
            raise KeyboardInterrupt
        return self.lesson.loss(step)


@pytest.mark.parametrize("size", ["lite", pytest.param("faithful", marks=pytest.mark.slow)])
def test_four_steps_are_two_and_two(size, data, tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "SAVE_EVERY", 2)
    options = ImplicitOptions(size=size, steps=4, time=True)
    whole = learned(data, tmp_path / "whole", size=size, steps=4, time=True)
    with pytest.raises(KeyboardInterrupt):
        learn(Kill(LipLesson(data, options), 3), tmp_path / "lips.pt", "this", SILENT)
    rest = LipLesson(data, options)
    begun = []
    learn(rest, tmp_path / "lips.pt", "this", type("Seen", (Begun,), {"begun": begun})())
    assert begun == [("learning lips", 4, "steps", 2)]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, rest.network.state_dict()[name]), name


class Begun:
    def begin(self, *given):
        self.begun.append(given)

    def advance(self, amount=1.0, at=""):
        pass

    def say(self, text):
        pass


def test_weights_of_something_else_are_not_gone_on_from(data, tmp_path):
    first = learned(data, tmp_path, steps=2)
    lesson = LipLesson(data, ImplicitOptions(steps=2))
    learn(lesson, tmp_path / "lips.pt", "that", SILENT)
    assert torch.equal(first.colour.weight, lesson.network.colour.weight)  # learned anew, to the same


class Code:
    def __reduce__(self):
        return (open, ("ran", "w"))


def test_weights_that_hold_code_are_not_run(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = io.BytesIO()
    torch.save({"made_from": "this", "step": Code()}, content, pickle_module=pickle)
    (tmp_path / "lips.pt").write_bytes(content.getvalue())
    learned(data, tmp_path, steps=1)
    assert not (tmp_path / "ran").exists()
    (tmp_path / "lips.pt").write_bytes(b"half a fil")
    learned(data, tmp_path, steps=1)


def test_weights_of_another_shape_are_refused(data, tmp_path):
    network = LipNetwork("lite", 7)
    learning.save(tmp_path / "lips.pt", "this", 1, network, torch.optim.Adam(network.parameters()))
    with pytest.raises(ModelError, match=r"lips\.pt holds other weights than it says .*remove it"):
        learned(data, tmp_path, steps=2)


def test_a_loss_that_is_not_finite_stops_before_it_is_saved(data, tmp_path):
    data.features[:] = float("inf")
    with pytest.raises(
        ModelError, match=r"the loss is nan after 1 steps; take --precision fp32, or another --se"
    ):
        learned(data, tmp_path, steps=1)
    assert not (tmp_path / "lips.pt").exists()


@pytest.mark.slow
def test_bf16_is_near_fp32(data, tmp_path):
    fine, coarse = (
        crops_of(learned(data, tmp_path / precision, steps=30, precision=precision), data)
        for precision in ("fp32", "bf16")
    )
    assert 0 < np.abs(fine.astype(int) - coarse).mean() < 6


class Expert:
    """Says how far the middle of the mouth is bright."""

    def __init__(self):
        self.asked = []

    def loss(self, crops, right, other):
        self.asked.append((tuple(crops.shape), right.item(), other.item()))
        return crops[:, :, 10:14, 10:14].mean()


def test_losses_of_whole_crops_come_in_the_last_tenth(data):
    options = ImplicitOptions(steps=20, sync_expert="run", sync_weight=0.5, lpips_weight=0.0)
    expert = Expert()
    lesson = LipLesson(data, options, expert=expert)
    losses = [lesson.loss(step) for step in range(20)]
    assert options.last_steps == len(expert.asked) == 2
    shape, right, other = expert.asked[0]
    assert shape == (1, 5, PX, PX, 3) and abs(right - other) >= 5 and max(right, other) <= TRAIN - 5
    without = LipLesson(data, options)
    plain = without.loss(19)
    said = without.network(without.codes, *_heard(data, expert.asked[1][1])).view(5, PX, PX, 3)
    assert losses[19].item() == pytest.approx((plain + 0.5 * said[:, 10:14, 10:14].mean()).item(), rel=1e-5)


def _heard(data, start):
    frames = torch.arange(start, start + 5)
    context = torch.stack([data.features[(frame + torch.arange(-2, 3)).clamp(0)] for frame in frames])
    return context, frames / TRAIN


def test_lpips_is_added_with_its_weight(data):
    big = Crops(data.features, data.crops.repeat_interleave(2, 1).repeat_interleave(2, 2), data.train, TRAIN)
    torch.manual_seed(0)
    network = random_lpips()
    values = []
    for weight in (0.0, 1.0, 2.0):
        lesson = LipLesson(
            big, ImplicitOptions(steps=1, lpips_weight=weight), lpips=network if weight else None
        )
        values.append(lesson._whole(torch.Generator().manual_seed(1)).item())
    assert (
        values[2] - values[0] == pytest.approx(2 * (values[1] - values[0]), rel=1e-3)
        and values[1] > values[0]
    )


def test_blend_net_begins_by_changing_nothing(data):
    rendered = np.random.default_rng(0).integers(0, 256, (3, PX, PX, 3), np.uint8)
    mended = blended(BlendNet(), rendered, rendered, torch.device("cpu"))
    assert np.array_equal(mended, rendered)


def test_what_blend_net_sees_is_true_at_the_edge_and_rendered_in_the_middle():
    rendered, true = (torch.full((1, PX, PX, 3), value, dtype=torch.uint8) for value in (200, 100))
    seen = pasted(rendered, true)[0, 0] * 255
    assert seen[0].max() < 102 and seen[12, 12].item() == pytest.approx(200)


@pytest.mark.slow
def test_blend_net_learns_what_lips_lack(data, tmp_path):
    network = learned(data, tmp_path, steps=20)
    lesson = BlendLesson(data, network, ImplicitOptions(steps=800, blend=True))
    assert lesson.steps == 80
    frames = np.array([2, 7, 11])
    rendered, true = say(network, data, frames, frames, "fp32"), data.crops[frames].numpy()
    learn(lesson, tmp_path / "blend.pt", "this", SILENT)
    mended = blended(lesson.network, rendered, true, torch.device("cpu"))
    before, after = (np.mean((each.astype(float) - true) ** 2) for each in (rendered, mended))
    assert after < before / 2


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({}, "take --precision bf16 or --device cpu"),
        (
            {"size": "faithful", "sync_expert": "run", "blend": True},
            "take --size lite or --precision bf16 or --lpips-weight 0 or no --sync-expert or no --blend or "
            "--device cpu",
        ),
    ],
)
def test_a_full_memory_names_what_to_lower(options, advice):
    with pytest.raises(OptionError, match=advice), memory_advised(ImplicitOptions(**options)):
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="no such kernel"), memory_advised(ImplicitOptions()):
        raise RuntimeError("no such kernel")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": "huge"}, "no size 'huge'; there are: lite, faithful"),
        ({"steps": 0}, "steps is 0, wanted 1 or more"),
        ({"sync_weight": -1.0}, "sync_weight is -1.0, wanted 0 or more"),
        ({"precision": "fp8"}, "no precision 'fp8'; there are: fp32, bf16"),
        ({"blend": 3}, "blend is 3, wanted True or False"),
    ],
)
def test_options_that_cannot_be_are_refused(options, said):
    with pytest.raises(OptionError, match=said):
        ImplicitOptions(**options)


def test_options_of_a_network_say_nothing_to_pca():
    assert given_options({"size": None, "steps": None, "blend": False, "seed": 0}) is None
    with pytest.raises(
        OptionError, match="of the renderer implicit, and pca is chosen; add --renderer implicit"
    ):
        RenderOptions(implicit=given_options({"size": "lite", "steps": 5}))


def test_defaults_of_each_size():
    lite, faithful = ImplicitOptions(), ImplicitOptions(size="faithful")
    assert (lite.all_steps, lite.lpips, lite.last_steps) == (20_000, 0, 0)
    assert (faithful.all_steps, faithful.lpips, faithful.last_steps) == (100_000, 0.01, 10_000)
