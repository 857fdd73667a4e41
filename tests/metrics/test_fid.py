"""FID: its distance by scipy, its network by torchvision's, what it is shown, and what are no weights."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch.nn import functional

from speechlip.errors import ModelError
from speechlip.metrics.sets.inception import (
    as_shown,
    inception_features,
    load_inception,
    random_inception,
)
from speechlip.metrics.statistics.frechet import RunningNormal, frechet


@pytest.fixture(scope="module")
def network():
    return random_inception()


def test_parts_give_the_mean_and_covariance_of_the_whole():
    rows = np.random.default_rng(0).normal(50, 3, (60, 4))
    normal = RunningNormal(4)
    for part in (rows[:1], rows[1:17], rows[17:]):
        normal.see(part)
    assert (normal.n, normal.mean) == (60, pytest.approx(rows.mean(axis=0)))
    assert normal.covariance == pytest.approx(np.cov(rows, rowvar=False))


def test_the_distance_is_scipys():
    rng = np.random.default_rng(0)
    mixed = [rng.normal(size=(40, 5)) @ rng.normal(size=(5, 5)) for _ in range(2)]
    (one, spread), (other, other_spread) = ((rows.mean(axis=0), np.cov(rows, rowvar=False)) for rows in mixed)
    root = sqrtm(spread @ other_spread).real
    wanted = np.sum((one - other) ** 2) + np.trace(spread + other_spread - 2 * root)
    assert frechet(one, spread, other, other_spread) == pytest.approx(wanted)


def test_a_shift_alone_is_its_square_and_equals_are_none():
    spread = np.cov(np.random.default_rng(0).normal(size=(50, 6)), rowvar=False)
    zero, shift = np.zeros(6), np.arange(6.0)
    assert frechet(zero, spread, shift, spread) == pytest.approx(55)  # 0 + 1 + 4 + 9 + 16 + 25
    assert frechet(shift, spread, shift, spread) == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_layers_have_torchvisions_names_and_shapes_and_give_its_values(network, monkeypatch):
    """With the three differences of TensorFlow's network put into torchvision's."""
    theirs = pytest.importorskip("torchvision.models.inception", reason="torchvision is not installed")
    other = theirs.Inception3(num_classes=1008, aux_logits=False, init_weights=False).eval()
    shapes = {name: each.shape for name, each in other.state_dict().items() if not name.startswith("fc.")}
    assert {name: each.shape for name, each in network.state_dict().items()} == shapes
    other.load_state_dict(network.state_dict(), strict=False)
    x = torch.rand(1, 3, 107, 99, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        ours, before = network(x), x
        monkeypatch.setattr(theirs.F, "avg_pool2d", partial(functional.avg_pool2d, count_include_pad=False))
        for name, layer in other.named_children():
            if name == "Mixed_7c":
                monkeypatch.setattr(theirs.F, "avg_pool2d", functional.max_pool2d)
            if name in ("avgpool", "dropout", "fc"):
                break
            before = layer(before)
    wanted = before.mean((2, 3))
    assert ours.shape == (1, 2048)
    assert torch.allclose(ours / wanted.std(), wanted / wanted.std(), atol=1e-4)


def test_what_the_network_is_shown():
    image = np.zeros((1, 2, 3), np.uint8)
    image[0, 1] = (255, 51, 0)
    shown = as_shown(torch.from_numpy(image))[0]
    assert shown.shape == (3, 299, 299)
    assert shown[:, 7, 0].tolist() == [-1, -1, -1]
    assert shown[:, 7, -1].tolist() == pytest.approx([1, 2 * 51 / 255 - 1, -1])
    assert shown[0, 0, 149] == pytest.approx(0, abs=1e-6)  # the middle of 299 lies between both pixels


def test_images_of_other_sizes_go_together(network):
    images = [np.full((40, 60, 3), 90, np.uint8), np.full((30, 20, 3), 90, np.uint8)]
    features = inception_features(network, images)
    assert features.shape == (2, 2048)
    assert features[0] == pytest.approx(features[1], rel=1e-5)


def test_weights_as_pytorch_fid_has_them_are_read(network, tmp_path):
    stored = network.state_dict() | {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    torch.save(
        {name: each for name, each in stored.items() if "num_batches" not in name}, tmp_path / "weights.pth"
    )
    read = load_inception(tmp_path / "weights.pth").state_dict()
    assert all(torch.equal(read[name], each) for name, each in network.state_dict().items())


def test_what_are_no_weights_is_refused(tmp_path):
    program, other, text = (tmp_path / name for name in ("program.pt", "other.pth", "text.pth"))
    torch.jit.script(torch.nn.Linear(1, 1)).save(str(program))
    torch.save({"fc1.weight": torch.zeros(2, 2)}, other)
    text.write_text("no weights")
    for file in (program, other, text, tmp_path / "none.pth"):
        with pytest.raises(ModelError, match=rf"{file.name} .*; FID's Inception wants the state_dict"):
            load_inception(file)
