"""Points grouped by average linkage up to a distance: exact, in any order, without a table of all pairs.

The distance of two groups is the root of the mean squared distance of a point of one and a point of the
other. Groups that are nearer than asked have two points that are, so points that do not hang together by such
pairs are grouped apart. Within what hangs together, groups are joined along chains of nearest neighbours
(Murtagh 1983), which for this linkage gives what joining the nearest pair again and again gives.
"""

import numpy as np

ROWS = 512
"""Compared with all points at once."""


def clusters(points: np.ndarray, most: float) -> np.ndarray:
    """(N,) number of the group of each point, counted by their first points.

    points: (N, D).
    most: groups that are nearer than this are joined.

    >>> clusters(np.array([[0.0], [10.0], [0.5], [9.0]]), most=2.0).tolist()
    [0, 1, 0, 1]
    """
    first = np.arange(len(points))
    together = hanging_together(points, most)
    order = np.argsort(together, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(together[order])) + 1):
        if len(members) > 1:
            first[members] = members[joined(points[members].astype(np.float64), most)]
    return np.unique(first, return_inverse=True)[1]


def hanging_together(points: np.ndarray, most: float) -> np.ndarray:
    """(N,) the same number for points between which a way leads whose steps are all shorter than ``most``."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    single = points.astype(np.float32)
    norms = np.einsum("nd,nd->n", single, single)
    number = np.arange(len(points))
    near = most**2 * 1.001  # a little further, for what single precision rounds
    for start in range(0, len(points), ROWS):
        rows = slice(start, start + ROWS)
        squared = norms[rows, None] + norms - 2 * single[rows] @ single.T
        row, column = np.nonzero((squared < near) & (number[rows, None] != number))
        pairs = np.unique(np.stack([number[rows][row], number[column]]), axis=1)
        graph = coo_array((np.ones(pairs.shape[1], bool), tuple(pairs)), shape=(len(points),) * 2)
        number = connected_components(graph, directed=False)[1][number]
    return number


def joined(points: np.ndarray, most: float) -> np.ndarray:
    """(N,) index of the first point of the group of each of a few points.

    The distance of groups follows from size, middle and spread of either.
    """
    middle, spread, size = points.copy(), np.zeros(len(points)), np.ones(len(points))
    open_, first = np.ones(len(points), bool), np.arange(len(points))
    chain: list[int] = []
    while open_.any():
        if not chain:
            chain.append(int(open_.argmax()))
        last = chain[-1]
        squared = ((middle - middle[last]) ** 2).sum(axis=1) + spread + spread[last]
        squared[~open_] = squared[last] = np.inf
        nearest = int(squared.argmin())
        if squared[nearest] >= most**2:
            open_[last] = False  # and stays as it is: joining others brings none nearer
            chain.pop()
        elif len(chain) < 2 or squared[nearest] < squared[chain[-2]]:
            chain.append(nearest)
        else:
            kept, gone = sorted((last, chain[-2]))
            del chain[-2:]
            share = size[gone] / (size[kept] + size[gone])
            apart = ((middle[kept] - middle[gone]) ** 2).sum()
            spread[kept] += share * (spread[gone] - spread[kept]) + share * (1 - share) * apart
            middle[kept] += share * (middle[gone] - middle[kept])
            size[kept] += size[gone]
            open_[gone] = False
            first[first == gone] = kept
    return first
