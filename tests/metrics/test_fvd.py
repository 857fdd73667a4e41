"""FVD's network: names and shapes as published, its arithmetic written a second time, what it is shown."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional

from speechlip.errors import ModelError
from speechlip.metrics.sets.i3d import as_shown, i3d_features, load_i3d, pad_same, pool_same, random_i3d

BLOCKS = """
3b 192 64 96 128 16 32 32
3c 256 128 128 192 32 96 64
4b 480 192 96 208 16 48 64
4c 512 160 112 224 24 64 64
4d 512 128 128 256 24 64 64
4e 512 112 144 288 32 64 64
4f 528 256 160 320 32 128 128
5b 832 256 160 320 32 128 128
5c 832 384 192 384 48 128 128
"""
"""Channels before, 1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pool (Szegedy et al. 2015, table 1)."""


@pytest.fixture(scope="module")
def network():
    """Untrained, with other numbers than 0 and 1 in its normalisations."""
    network = random_i3d()
    numbers = torch.Generator().manual_seed(1)
    for name, each in network.state_dict().items():
        if ".bn." in name and "num" not in name:
            each.copy_(0.5 + torch.rand(each.shape, generator=numbers))
    return network


def published_shapes():
    """Name → shape in a state_dict of pytorch-i3d's InceptionI3d(400)."""
    units = {"Conv3d_1a_7x7": (64, 3, 7), "Conv3d_2b_1x1": (64, 64, 1), "Conv3d_2c_3x3": (192, 64, 3)}
    for line in BLOCKS.split("\n")[1:-1]:
        name, *channels = line.split()
        before, b0, b1a, b1b, b2a, b2b, b3b = map(int, channels)
        of_block = {"b0": (b0, before, 1), "b1a": (b1a, before, 1), "b1b": (b1b, b1a, 3)}
        of_block |= {"b2a": (b2a, before, 1), "b2b": (b2b, b2a, 3), "b3b": (b3b, before, 1)}
        units |= {f"Mixed_{name}.{branch}": shape for branch, shape in of_block.items()}
    shapes = {"logits.conv3d.weight": (400, 1024, 1, 1, 1), "logits.conv3d.bias": (400,)}
    for name, (wanted, before, side) in units.items():
        shapes[f"{name}.conv3d.weight"] = (wanted, before, side, side, side)
        shapes |= {
            f"{name}.bn.{each}": (wanted,) for each in ("weight", "bias", "running_mean", "running_var")
        }
        shapes[f"{name}.bn.num_batches_tracked"] = ()
    return shapes


def test_layers_have_the_published_names_and_shapes(network):
    assert {name: tuple(each.shape) for name, each in network.state_dict().items()} == published_shapes()


def test_zeros_as_tensorflows_same_has_them():
    row = torch.arange(1.0, 6.0).reshape(1, 1, 1, 1, 5)  # 1 2 3 4 5
    pad = partial(pad_same, row)
    assert pad((1, 1, 3), (1, 1, 2)).flatten().tolist() == [0, 1, 2, 3, 4, 5, 0]  # 3 values want 7
    assert pad((1, 1, 2), (1, 1, 2)).flatten().tolist() == [1, 2, 3, 4, 5, 0]  # the odd one lies behind
    assert pad((1, 1, 4), (1, 1, 1)).flatten().tolist() == [0, 1, 2, 3, 4, 5, 0, 0]
    assert pool_same(row - 4, (1, 1, 3), (1, 1, 2)).flatten().tolist() == [0, 0, 1]  # a zero beats −2
    sides = torch.zeros(1, 1, 3, 4, 5)
    assert pad_same(sides, (3, 1, 7), (2, 1, 2)).shape == (1, 1, 5, 4, 11)  # time, height, width
    whole = torch.zeros(1, 1, 16, 224, 224)
    assert pad_same(whole, (7, 7, 7), (2, 2, 2)).shape == (1, 1, 21, 229, 229)  # to 8 × 112 × 112


def test_the_network_by_its_arithmetic(network):
    """Written again from the paper's figure: every padding by hand, for 16 × 32 × 32."""
    weights = network.state_dict()

    def unit(x, name, zeros=0, stride=1):
        x = functional.conv3d(
            functional.pad(x, zeros) if zeros else x, weights[f"{name}.conv3d.weight"], None, stride
        )
        mean, var, weight, bias = (
            weights[f"{name}.bn.{each}"][:, None, None, None]
            for each in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.relu((x - mean) / (var + 1e-5) ** 0.5 * weight + bias)

    def mixed(x, name):
        around = (1,) * 6
        pooled = functional.max_pool3d(
            x, 3, 1, 1
        )  # of values from 0 on, −∞ beyond the border is as good as 0
        return torch.cat(
            [
                unit(x, f"{name}.b0"),
                unit(unit(x, f"{name}.b1a"), f"{name}.b1b", around),
                unit(unit(x, f"{name}.b2a"), f"{name}.b2b", around),
                unit(pooled, f"{name}.b3b"),
            ],
            1,
        )

    def pool(x, kernel, stride, zeros):
        return functional.max_pool3d(functional.pad(x, zeros), kernel, stride)

    x = torch.rand(1, 3, 16, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        got = network(x)
        y = unit(x, "Conv3d_1a_7x7", (2, 3) * 3, 2)  # 8 × 16 × 16
        y = pool(y, (1, 3, 3), (1, 2, 2), (0, 1, 0, 1))  # 8 × 8 × 8
        y = unit(unit(y, "Conv3d_2b_1x1"), "Conv3d_2c_3x3", (1,) * 6)
        y = pool(y, (1, 3, 3), (1, 2, 2), (0, 1, 0, 1))  # 8 × 4 × 4
        y = mixed(mixed(y, "Mixed_3b"), "Mixed_3c")
        y = pool(y, 3, 2, (0, 1) * 3)  # 4 × 2 × 2
        for block in ("4b", "4c", "4d", "4e", "4f"):
            y = mixed(y, f"Mixed_{block}")
        y = mixed(mixed(functional.max_pool3d(y, 2, 2), "Mixed_5b"), "Mixed_5c")  # 2 × 1 × 1
        kernel, bias = weights["logits.conv3d.weight"], weights["logits.conv3d.bias"]
        wanted = functional.conv3d(functional.avg_pool3d(y, (2, 1, 1)), kernel, bias).flatten(1)
    assert got.shape == (1, 400)
    assert torch.allclose(got / wanted.std(), wanted / wanted.std(), atol=1e-4)


def test_what_the_network_is_shown():
    image = np.zeros((2, 4, 3), np.uint8)
    image[:, :2], image[:, 2] = 255, (255, 51, 0)
    shown = as_shown(torch.from_numpy(image))  # 224 × 448, of which columns 112 to 335 stay
    assert shown.shape == (3, 224, 224)
    assert shown[:, 7, 0].tolist() == [1, 1, 1]
    assert shown[:, 7, 168].tolist() == pytest.approx([1, 2 * 51 / 255 - 1, -1], abs=0.02)
    tall = as_shown(torch.from_numpy(np.ascontiguousarray(image.transpose(1, 0, 2))))
    assert torch.allclose(tall, shown.transpose(1, 2), atol=1e-6)
    black = as_shown(torch.zeros((333, 447, 3), dtype=torch.uint8))
    assert black.shape == (3, 224, 224) and (black == -1).all()


def test_windows_are_16_images_on_end():
    asked = []

    class Stub(torch.nn.Linear):
        def forward(self, windows):
            asked.append(windows)
            return windows.mean((1, 3, 4))

    images = [np.full((8, 8 + k % 2, 3), 5 * k, np.uint8) for k in range(32)]
    rows = i3d_features(Stub(1, 1), images)
    assert asked[0].shape == (2, 3, 16, 224, 224)
    assert rows.ravel() == pytest.approx(2 * 5 * np.arange(32) / 255 - 1, abs=1e-5)


@pytest.mark.slow
def test_a_window_of_full_size_is_pooled_as_published(network):
    images = [np.random.default_rng(k).integers(0, 255, (90, 120, 3), np.uint8) for k in range(16)]
    blocks = []
    hook = network.Mixed_5c.register_forward_hook(lambda layer, given, made: blocks.append(made))
    features = i3d_features(network, images)
    hook.remove()
    assert blocks[0].shape == (1, 1024, 2, 7, 7)
    with torch.inference_mode():
        logits = network.logits(functional.avg_pool3d(blocks[0], (2, 7, 7), 1))  # (1, 400, 1, 1, 1)
    assert features == pytest.approx(logits.mean((2, 3, 4)).double().numpy(), rel=1e-3, abs=1e-3)


def test_weights_are_read(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    read = load_i3d(tmp_path / "weights.pt").state_dict()
    assert all(torch.equal(read[name], each) for name, each in network.state_dict().items())


def test_what_are_no_weights_is_refused(network, tmp_path):
    program, other, text, short = (
        tmp_path / name for name in ("program.pt", "other.pt", "text.pt", "short.pt")
    )
    torch.jit.script(torch.nn.Linear(1, 1)).save(str(program))
    torch.save({"logits.conv3d.weight": torch.zeros(400, 1024, 1, 1, 1)}, other)
    text.write_text("no weights")
    torch.save(network.state_dict() | {"logits.conv3d.bias": torch.zeros(600)}, short)  # of Kinetics-600
    for file in (program, other, text, short, tmp_path / "none.pt"):
        with pytest.raises(ModelError, match=rf"{file.name} .*; FVD's I3D wants the state_dict of VideoGPT"):
            load_i3d(file)
    with pytest.raises(ModelError, match="is a TorchScript program, which is not run"):
        load_i3d(program)
