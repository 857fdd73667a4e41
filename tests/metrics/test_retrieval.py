"""R@k by sorting, by chance, and of encoders that say nothing; offset accuracy by counting."""

import numpy as np
import pytest

from speechlip.metrics.statistics.retrieval import ranks, retrieval
from speechlip.metrics.sync.offsets import offset_accuracy


def test_ranks_by_sorting():
    draw = np.random.default_rng(0)
    lips = draw.normal(size=(1500, 8))
    speech = lips + draw.normal(size=lips.shape)
    cosine = (lips @ speech.T) / np.linalg.norm(lips, axis=1)[:, None] / np.linalg.norm(speech, axis=1)
    by_sorting = [list(np.argsort(-row)).index(i) + 1 for i, row in enumerate(cosine[:50])]
    assert ranks(lips, speech)[:50].tolist() == by_sorting
    found = retrieval(lips, speech)
    assert (
        found.gallery == 1500
        and 0 < found.lips_to_speech[1] < found.lips_to_speech[5] < found.lips_to_speech[10] < 1
    )
    assert found.lips_to_speech[10] == pytest.approx(found.speech_to_lips[10], abs=0.05)


def test_an_encoder_that_says_the_same_of_everything_finds_nothing():
    constant = np.ones((40, 6))
    assert retrieval(constant, constant).lips_to_speech[10] == 0
    assert retrieval(np.zeros((40, 6)), constant).speech_to_lips[10] == 0
    with pytest.raises(ValueError, match="matched rows"):
        ranks(np.ones((3, 2)), np.ones((4, 2)))


def test_random_features_are_at_chance():
    draw = np.random.default_rng(1)
    found = retrieval(draw.normal(size=(2000, 16)), draw.normal(size=(2000, 16)), ks=(200,))
    assert found.lips_to_speech[200] == pytest.approx(0.1, abs=0.02)


def test_offset_accuracy_by_counting():
    accuracy = offset_accuracy([3, -2, 0, 15], [3, -3, 2, 15])
    assert (accuracy.exact, accuracy.within_one, accuracy.clips, accuracy.chance_exact) == (
        0.5,
        0.75,
        4,
        1 / 31,
    )
    for measured in ([], [16]):
        with pytest.raises(ValueError, match="within ±15"):
            offset_accuracy(measured)
