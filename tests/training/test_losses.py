"""Losses against sums done by hand and by loops; gradients that stay finite; what may be a mismatch."""

import math

import pytest
import torch
from torch.nn import functional

from speechlip.errors import OptionError
from speechlip.shards.pairs.rules import PairRules
from speechlip.training.step.losses import (
    LOSSES,
    Criterion,
    cross_entropy_of_cosine,
    far_apart,
    half,
    logit,
    nce,
    places,
    plateau,
    rectifies,
    s2l,
    stuck,
)

COSINE, LABEL = torch.tensor([0.8, 0.2, -0.5, 0.0]), torch.tensor([1.0, 0.0, 0.0, 1.0])


def batch_of(labels, keys=None, starts=None):
    n = len(labels)
    starts = starts or [(0, 0)] * n
    return {
        "label": torch.tensor(labels, dtype=torch.float32),
        "keys": keys or [(f"clip-{i}", f"clip-{i}") for i in range(n)],
        "lips_start": torch.tensor([start for start, _ in starts]),
        "speech_start": torch.tensor([start for _, start in starts]),
    }


def test_cross_entropy_of_the_cosine_by_hand():
    wanted = -(math.log(0.8) + math.log(0.8) + math.log(1 - 1e-6) + math.log(1e-6)) / 4
    assert cross_entropy_of_cosine(COSINE, LABEL).item() == pytest.approx(wanted, rel=1e-5)


def test_half_by_hand():
    wanted = -(math.log(0.9) + math.log(0.4) + math.log(0.75) + math.log(0.5)) / 4
    assert half(COSINE, LABEL).item() == pytest.approx(wanted, rel=1e-5)


def test_s2l_by_hand():
    assert s2l(COSINE, LABEL).item() == pytest.approx((0.2 + 0.2 + 0 + 1) / 4)


def test_logit_by_hand():
    scale, bias = torch.tensor(2.0), torch.tensor(-0.5)
    wanted = (
        sum(
            math.log1p(math.exp(-sign * (2 * cosine - 0.5)))
            for cosine, sign in ((0.8, 1), (0.2, -1), (-0.5, -1), (0.0, 1))
        )
        / 4
    )
    assert logit(COSINE, LABEL, scale, bias).item() == pytest.approx(wanted, rel=1e-5)


def test_nce_by_loops():
    torch.manual_seed(0)
    cosines, label = torch.rand(5, 5) * 2 - 1, torch.tensor([1.0, 0, 1, 1, 0])
    apart = torch.rand(5, 5) > 0.3
    parts = []
    for i in (0, 2, 3):
        own = math.exp(3 * cosines[i, i])
        speech = sum(math.exp(3 * cosines[i, j]) for j in range(5) if j != i and apart[i, j])
        lips = sum(math.exp(3 * cosines[j, i]) for j in range(5) if j != i and apart[j, i])
        parts.append(-math.log(own / (own + speech)) - math.log(own / (own + lips)))
    assert nce(cosines, label, apart, torch.tensor(3.0)).item() == pytest.approx(sum(parts) / 6, rel=1e-5)


def test_nce_equals_plain_cross_entropy_where_all_match_and_all_are_apart():
    torch.manual_seed(1)
    cosines = torch.rand(6, 6)
    wanted = (
        functional.cross_entropy(7 * cosines, torch.arange(6)) / 2
        + functional.cross_entropy(7 * cosines.T, torch.arange(6)) / 2
    )
    torch.testing.assert_close(
        nce(cosines, torch.ones(6), torch.ones(6, 6, dtype=torch.bool), torch.tensor(7.0)), wanted
    )


def test_windows_that_share_frames_are_no_mismatch():
    keys = [("a", "a"), ("a", "a"), ("a", "b"), ("b", "b")]
    batch = batch_of([1, 1, 0, 1], keys, [(0, 0), (9, 9), (40, 3), (4, 4)])
    assert far_apart(places(batch), PairRules()).tolist() == [
        [False, False, True, True],  # 0 and 9 in a: nearer than a window and its gap
        [False, False, True, True],
        [True, True, True, True],  # lips 40 in a are far from all speech in a
        [True, True, False, False],  # lips 4 in b are near speech 3 and speech 4 in b
    ]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("case", ["equal", "opposite", "zero"])
def test_losses_and_gradients_are_finite_at_the_ends(loss, case):
    speech = torch.rand(4, 512)
    lips = {"equal": speech.clone(), "opposite": -speech, "zero": torch.zeros(4, 512)}[case].requires_grad_()
    value = Criterion(loss, PairRules())(lips, speech.requires_grad_(), batch_of([1, 0, 1, 0]))
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(lips.grad).all() and torch.isfinite(speech.grad).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns_to_tell_pairs_apart(loss):
    torch.manual_seed(0)
    labels = [1, 1, 0, 0] * 4
    lips, speech = torch.rand(16, 512).requires_grad_(), torch.rand(16, 512)
    criterion = Criterion(loss, PairRules())
    optimizer = torch.optim.Adam([lips, *criterion.parameters()], 0.02)
    values = []
    for _ in range(60):
        values.append(criterion(lips, speech, batch_of(labels)))
        optimizer.zero_grad()
        values[-1].backward()
        optimizer.step()
    cosine = functional.cosine_similarity(lips, speech).detach()
    assert values[-1] < values[0]
    assert cosine[torch.tensor(labels) == 1].min() > cosine[torch.tensor(labels) == 0].max()


def test_only_relu_rectifies_and_only_two_losses_learn_numbers():
    assert [loss for loss in LOSSES if rectifies(loss)] == ["relu"]
    learned = {loss: sum(1 for _ in Criterion(loss, PairRules()).parameters()) for loss in LOSSES}
    assert learned == {"relu": 0, "clamp": 0, "half": 0, "s2l": 0, "logit": 2, "nce": 1}


def test_the_plateau_is_the_loss_of_a_network_that_tells_nothing_apart():
    label = torch.tensor([1.0, 0.0])
    for loss, constant in (("relu", 0.5), ("half", 0.0), ("s2l", 0.5)):
        function = {"half": half, "s2l": s2l}.get(loss, cross_entropy_of_cosine)
        assert function(torch.full((2,), constant), label).item() == pytest.approx(plateau(loss, 2), abs=1e-6)
    same = nce(torch.full((8, 8), 0.3), torch.ones(8), torch.ones(8, 8, dtype=torch.bool), torch.tensor(14.0))
    assert same.item() == pytest.approx(plateau("nce", 8), abs=1e-6)
    assert not stuck([], "relu", 16)


def test_an_unknown_loss_is_refused_with_the_known_ones():
    with pytest.raises(OptionError, match="no loss 'bce'; there are: relu, clamp, half, s2l, logit, nce"):
        Criterion("bce", PairRules())
