"""Which recordings share hashes: one sorted list of the hashes of all, no comparison of all with all."""

from collections.abc import Iterator, Sequence

import numpy as np

from speechlip.doubles.audio_landmarks import AudioHashes

NEIGHBOURS = 64
"""A hash is compared with so many of the same value that follow it, in the order of the recordings: copies
hang together all the same, and a hash that everybody has costs little."""


def shared_hashes(
    recordings: Sequence[AudioHashes], groups: Sequence[int], least: int
) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Pairs of recordings that share ``least`` hashes or more, in their order.

    groups: one number for each recording; two of one group are not compared.

    Yields ``(first, second, times_s of the first, times_s of the second)``, first < second.
    """
    if not recordings:
        return
    times_s = np.concatenate([each.times_s for each in recordings])
    owner = np.repeat(np.arange(len(recordings), dtype=np.int32), [len(each) for each in recordings])
    group = np.asarray(groups)
    found = []
    values, order = in_order(recordings)
    for step in range(1, NEIGHBOURS + 1):
        same = np.flatnonzero(values[step:] == values[:-step])
        if not len(same):
            break
        both = np.stack([order[same], order[same + step]])
        one_group, other_group = group[owner[both]]
        found.append(both[:, one_group != other_group])
    del values, order
    one, other = np.concatenate(found, axis=1) if found else np.zeros((2, 0), np.uint32)
    pair = owner[one].astype(np.int64) * len(recordings) + owner[other]
    _, place, counts = np.unique(pair, return_inverse=True, return_counts=True)
    kept = np.flatnonzero(counts[place] >= least)
    kept = kept[np.lexsort((other[kept], one[kept], pair[kept]))]
    one, other, pair = one[kept], other[kept], pair[kept]
    for part in np.split(np.arange(len(pair)), np.flatnonzero(np.diff(pair)) + 1) if len(pair) else ():
        first, second = divmod(int(pair[part[0]]), len(recordings))
        yield first, second, times_s[one[part]], times_s[other[part]]


def in_order(recordings: Sequence[AudioHashes]) -> tuple[np.ndarray, np.ndarray]:
    """The hashes of all in the order of their values, and the place of each among all, (N,) uint32 both."""
    keys = np.concatenate([each.values for each in recordings]).astype(np.uint64)
    keys <<= np.uint64(32)
    keys |= np.arange(len(keys), dtype=np.uint64)
    keys.sort()
    order = keys.astype(np.uint32)
    keys >>= np.uint64(32)
    return keys.astype(np.uint32), order
