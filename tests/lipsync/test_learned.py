"""Sync learned on other speakers: ridge as scikit-learn has it, and mouths whose law is known."""

import numpy as np
import pytest

from speechlip.lipsync.learned import (
    PENALTY,
    SpokenFace,
    around,
    heard,
    judge_each,
    learn,
    seen,
    sums_of,
)
from speechlip.lipsync.mouth import movement
from speechlip.metrics.declared import NotScored

LAW = np.random.default_rng(7).normal(size=(440, 4))


def face(speaker, seed, late=0, frames=150):
    """A mouth that follows what is heard by LAW, ``late`` frames after it, with as much noise again."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(frames + 10, 40))
    bands = sum(noise[shift : shift + frames] for shift in range(4)) / 2
    follows = np.roll(movement(around(bands) @ LAW), late, axis=0)
    return SpokenFace(speaker, bands, follows / follows.std() + random.normal(size=follows.shape))


def test_ridge_is_that_of_scikit_learn():
    from sklearn.linear_model import Ridge

    one = face("a", 0)
    ridge = Ridge(alpha=PENALTY).fit(around(one.heard), one.seen)
    weights = sums_of(one, 0).weights()
    assert np.allclose(weights[:-1], ridge.coef_.T) and np.allclose(weights[-1], ridge.intercept_)


def test_rows_are_moved_before_they_teach():
    one = face("a", 0, frames=100)
    moved = sums_of(one, 3)
    assert moved.n == 97
    assert np.allclose(moved.xy, around(one.heard)[:97].T @ one.seen[3:])
    later = SpokenFace("a", one.heard, one.seen[10:], 10)
    assert np.allclose(sums_of(later, -2).xy, around(one.heard)[12:].T @ one.seen[10:98])


def test_offsets_of_some_clips_are_found_by_the_others():
    lates = [0, 0, 0, 0, 4, -5, 0, 2]
    faces = [face(f"s{number}", number, late) for number, late in enumerate(lates)]
    found = [sync.offset_frames for sync in judge_each(faces)]
    assert np.abs(np.subtract(found, lates)).max() <= 1
    own = [sync.correlation for sync in judge_each(faces)]
    strangers = [
        SpokenFace(one.speaker, other.heard, one.seen)
        for one, other in zip(faces, [*faces[3:], *faces[:3]], strict=True)
    ]
    wrong = [sync.correlation for sync in judge_each([*faces, *strangers])[len(faces) :]]
    assert np.median(own) > max(0.3, np.max(wrong))


def test_nobody_is_judged_by_what_was_learned_on_himself():
    faces = [face("a", 0), face("b", 1), face("c", 2)]
    twice = [*faces, SpokenFace("a", np.zeros_like(faces[0].heard), faces[0].seen)]
    assert judge_each(twice)[0].correlation == judge_each(faces)[0].correlation


def test_one_speaker_has_nobody_to_learn_from():
    with pytest.raises(NotScored, match="one speaker: what a mouth does is learned on other speakers"):
        judge_each([face("a", 0), face("a", 1)])


def test_weights_of_two_faces_are_those_of_both():
    faces = [face("a", 0), face("b", 1)]
    assert np.allclose(learn(faces), (sums_of(faces[0], 0) + sums_of(faces[1], 0)).weights())


def test_what_is_heard_and_seen():
    audio = np.random.default_rng(0).integers(-9000, 9000, 640 * 30 + 5).astype(np.int16)
    bands = heard(audio)
    assert bands.shape == (30, 40) and np.allclose(bands.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(bands.std(axis=0), 1, atol=1e-3)
    assert not heard(np.zeros(640 * 3, np.int16)).any()
    with pytest.raises(NotScored, match="too short"):
        seen(np.zeros((10, 68, 2)))
    with pytest.raises(NotScored, match="still mouth"):
        seen(np.ones((60, 68, 2)))
