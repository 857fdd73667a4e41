"""Average linkage without a table of all pairs is average linkage."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from speechlip.identity.clustering import clusters


def partition(labels):
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("most", [0.3, 1.0, 1.6, 9.0])
@pytest.mark.parametrize("rows", [7, 512])
def test_groups_are_those_of_scipy(seed, most, rows, monkeypatch):
    monkeypatch.setattr("speechlip.identity.clustering.ROWS", rows)
    rng = np.random.default_rng(seed)
    people = rng.normal(size=(12, 8)) * 0.5
    points = people[rng.integers(0, 12, 60)] + rng.normal(size=(60, 8)) * 0.15
    tree = linkage(pdist(points) ** 2, "average")
    assert partition(clusters(points, most)) == partition(fcluster(tree, most**2, "distance"))


def test_groups_do_not_depend_on_the_order():
    rng = np.random.default_rng(1)
    points, order = rng.normal(size=(40, 5)), rng.permutation(40)
    shuffled = {frozenset(order[list(group)].tolist()) for group in partition(clusters(points[order], 2.5))}
    assert shuffled == partition(clusters(points, 2.5))


def test_a_chain_of_neighbours_is_not_one_group():
    """Single linkage would join them all: each is 0.4 from the next."""
    points = np.arange(12)[:, None] * 0.4
    assert len(set(clusters(points, 0.5).tolist())) >= 6


def test_numbers_count_by_first_points_and_none_is_none():
    assert clusters(np.array([[5.0], [0.0], [5.1]]), 0.5).tolist() == [0, 1, 0]
    assert clusters(np.zeros((0, 128)), 0.5).tolist() == []
