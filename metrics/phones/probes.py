"""Visemes, and phones within a viseme, as a linear classifier and nearest neighbours read them.

Goal: is an encoder's feature good for lips (visemes can be read), and does it still tell phones that look
alike from each other?
Conventions: points (N, K) of ``spaces.token_space``; labels are numbers from 0 on. Probe: multinomial
logistic regression on z-scored dimensions, L2 with C = 1, classes weighted equally, trained on half a, tested
on half b; accuracy is the mean of the classes' recalls, so that chance is 1 / classes. Neighbours: 10,
Euclidean, of other utterances only. Answers are counted by utterance, so that utterances can be resampled.
Source: the benchmark's specification; scikit-learn's LogisticRegression. Functions: probe, mean_recall,
above_chance, neighbours, neighbour_shares.
"""

from dataclasses import dataclass

import numpy as np

from speechlip.metrics.phones.spaces import mean_known

NEIGHBOURS = 10
BLOCK = 512


@dataclass(frozen=True)
class Shares:
    """What the neighbours of the tokens are, counted by utterance, each (U,).

    asked: neighbours
    viseme: of these, of the token's viseme
    rivals: of tokens whose viseme has two phones or more: neighbours of the token's viseme
    phone: of the rivals, of the token's phone
    chance: how many of the rivals would be, if sampled from the viseme's tokens in other utterances
    """

    asked: np.ndarray
    viseme: np.ndarray
    rivals: np.ndarray
    phone: np.ndarray
    chance: np.ndarray


@dataclass(frozen=True)
class Answers:
    """A probe's answers on half b, for the C classes that both halves have.

    right: (U, C) right answers by utterance and true class
    asked: (U, C) all answers
    """

    right: np.ndarray
    asked: np.ndarray

    @property
    def classes(self) -> int:
        return self.asked.shape[1]


def probe(points: np.ndarray, label: np.ndarray, in_b: np.ndarray, utterance: np.ndarray) -> Answers | None:
    """Train on half a, answer half b; None where the halves have fewer than two classes in common.

    points: (N, K); label, utterance: (N,) int, a token of label −1 is left out; in_b: (N,) bool.

    >>> points, label = np.array([[0.0], [1.0], [0.0], [1.0]]), np.array([0, 1, 0, 1])
    >>> answers = probe(points, label, np.array([False, False, True, True]), np.array([0, 0, 1, 1]))
    >>> answers.right.tolist(), answers.asked.tolist()
    ([[0.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 1.0]])
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classes = np.intersect1d(label[in_b & (label >= 0)], label[~in_b])
    if len(classes) < 2:
        return None
    known = np.isin(label, classes)
    train, test = known & ~in_b, known & in_b
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000))
    model.fit(points[train], label[train])
    asked, right = np.zeros((2, int(utterance.max()) + 1, len(classes)))
    place = utterance[test], np.searchsorted(classes, label[test])
    np.add.at(asked, place, 1)
    np.add.at(right, place, model.predict(points[test]) == label[test])
    return Answers(right, asked)


def mean_recall(answers: Answers, counts: np.ndarray) -> np.ndarray:
    """Balanced accuracy of B resamples of utterances: (B, U) → (B,).

    counts: how often each utterance is in each resample. A class that a resample has not is left out; NaN
    where it has none.

    >>> answers = Answers(right=np.array([[3.0, 0.0], [0.0, 1.0]]), asked=np.array([[4.0, 0.0], [0.0, 2.0]]))
    >>> mean_recall(answers, np.array([[1, 1], [2, 0]])).tolist()
    [0.625, 0.75]
    """
    asked = counts @ answers.asked
    return mean_known((counts @ answers.right) / np.where(asked > 0, asked, np.nan))


def above_chance(accuracy: np.ndarray, chance: np.ndarray | float) -> np.ndarray:
    """0 at chance, 1 for all right, below 0 for less than chance.

    >>> above_chance(np.array([0.25, 0.625, 1.0]), 0.25).tolist()
    [0.0, 0.5, 1.0]
    """
    return (accuracy - chance) / (1 - chance)


def neighbours(points: np.ndarray, utterance: np.ndarray, k: int = NEIGHBOURS) -> np.ndarray:
    """The k nearest tokens of other utterances: (N, K), (N,) → (N, k) int, −1 where there are fewer.

    Memory O(N) per 512 tokens.

    >>> neighbours(np.array([[0.0], [0.1], [1.0], [5.0]]), np.array([0, 0, 1, 2]), k=2).tolist()
    [[2, 3], [2, 3], [1, 0], [2, 1]]
    """
    length, k = np.square(points).sum(axis=1), min(k, len(points))
    table = np.empty((len(points), k), int)
    for first in range(0, len(points), BLOCK):
        rows = slice(first, first + BLOCK)
        distance = length[rows, None] + length - 2 * points[rows] @ points.T
        distance[utterance[rows, None] == utterance] = np.inf
        nearest = np.argpartition(distance, k - 1, axis=1)[:, :k]
        near = np.take_along_axis(distance, nearest, axis=1)
        order = np.argsort(near, axis=1, kind="stable")
        table[rows] = np.where(np.isinf(near), -1, nearest)[np.arange(len(near))[:, None], order]
    return table


def neighbour_shares(
    points: np.ndarray, viseme: np.ndarray, phone: np.ndarray, utterance: np.ndarray, utterances: int
) -> Shares:
    """Count the visemes and phones of the nearest tokens; all (N,) int but the points, ``utterances``: U.

    >>> points, phone = np.array([[0.0], [0.2], [0.1], [0.3]]), np.array([0, 1, 0, 1])
    >>> shares = neighbour_shares(points, np.zeros(4, int), phone, np.array([0, 0, 1, 1]), 2)
    >>> shares.rivals.tolist(), shares.phone.tolist(), shares.chance.tolist()
    ([4.0, 4.0], [2.0, 2.0], [2.0, 2.0])
    """
    near = neighbours(points, utterance)
    there = near >= 0
    alike = there & (viseme[near] == viseme[:, None])
    rivals = alike & _has_rivals(viseme, phone)[:, None]
    parts = (there, alike, rivals, rivals & (phone[near] == phone[:, None]))
    counts = [part.sum(axis=1) for part in parts]
    expected = counts[2] * _phone_share(viseme, phone, utterance)
    return Shares(
        *(np.bincount(utterance, weights=count, minlength=utterances) for count in (*counts, expected))
    )


def _has_rivals(viseme: np.ndarray, phone: np.ndarray) -> np.ndarray:
    """(N,) bool: whether other phones have the token's viseme."""
    return np.array([len(np.unique(phone[viseme == one])) > 1 for one in range(int(viseme.max()) + 1)])[
        viseme
    ]


def _phone_share(viseme: np.ndarray, phone: np.ndarray, utterance: np.ndarray) -> np.ndarray:
    """(N,): share of the token's phone among the tokens of its viseme in other utterances; 0 for none."""

    def elsewhere(label: np.ndarray) -> np.ndarray:
        table = np.zeros((int(utterance.max()) + 1, int(label.max()) + 1))
        np.add.at(table, (utterance, label), 1)
        return table.sum(axis=0)[label] - table[utterance, label]

    rivals = elsewhere(viseme)
    return np.divide(elsewhere(phone), rivals, out=np.zeros(len(phone)), where=rivals > 0)
