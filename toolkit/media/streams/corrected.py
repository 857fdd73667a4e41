"""Sentences on what is found out while reading; those on the headers are in ``media.info.corrections``."""

from collections import Counter


class Correction(str):
    """A sentence for ``corrected``, counted in the same tally as damage."""


def sentences(tally: Counter) -> tuple[str, ...]:
    """The sentences of a tally, in the order in which they were met.

    >>> sentences(Counter({Correction("from 3.00 s on 384×512"): 1, "damaged_packets": 2}))
    ('from 3.00 s on 384×512',)
    """
    return tuple(str(key) for key in tally if isinstance(key, Correction))
