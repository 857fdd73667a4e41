"""Which recordings share hashes: one sorted list of the hashes of all, no comparison of all with all."""

from collections.abc import Iterator, Sequence

import numpy as np

from speechlip.doubles.audio_landmarks import AudioHashes

NEIGHBOURS = 64
"""A hash is compared with so many of the same value that follow it, in the order of the recordings: copies
hang together all the same, and a hash that everybody has costs little."""
BYTES_A_HASH = 12
"""In the list: value, recording, time."""


def shared_hashes(
    recordings: Sequence[AudioHashes], groups: Sequence[int], least: int
) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Pairs of recordings that share ``least`` hashes or more, in their order.

    groups: one number for each recording; two of one group are not compared.

    Yields ``(first, second, times_s of the first, times_s of the second)``, first < second.
    """
    if not recordings:
        return
    values = np.concatenate([each.values for each in recordings])
    times_s = np.concatenate([each.times_s for each in recordings])
    owner = np.repeat(np.arange(len(recordings), dtype=np.int32), [len(each) for each in recordings])
    order = np.argsort(values, kind="stable")
    values, times_s, owner = values[order], times_s[order], owner[order]
    group = np.asarray(groups)[owner]
    found = []
    for step in range(1, NEIGHBOURS + 1):
        same = np.flatnonzero(values[step:] == values[:-step])
        if not len(same):
            break
        same = same[group[same] != group[same + step]]
        found.append(np.stack([same, same + step]))
    one, other = np.concatenate(found, axis=1) if found else np.zeros((2, 0), np.intp)
    pair = owner[one].astype(np.int64) * len(recordings) + owner[other]
    _, place, counts = np.unique(pair, return_inverse=True, return_counts=True)
    kept = np.flatnonzero(counts[place] >= least)
    kept = kept[np.lexsort((other[kept], one[kept], pair[kept]))]
    one, other, pair = one[kept], other[kept], pair[kept]
    for part in np.split(np.arange(len(pair)), np.flatnonzero(np.diff(pair)) + 1) if len(pair) else ():
        first, second = divmod(int(pair[part[0]]), len(recordings))
        yield first, second, times_s[one[part]], times_s[other[part]]
