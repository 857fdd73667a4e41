"""How large the networks of PASE are."""

from dataclasses import dataclass

from speechlip.errors import no_such


@dataclass(frozen=True)
class PaseSize:
    """The widths that a name stands for; features have 512 numbers in every size."""

    width: int
    """Of each GRU layer."""
    layers: int
    """GRU layers."""
    heads: int
    """Of attention."""
    table_2: bool
    """Whether lips go through SE4Lip's Table 2; else through three convolutions of half-size lips."""


SIZES = {
    "full": PaseSize(width=512, layers=8, heads=8, table_2=True),
    "small": PaseSize(width=128, layers=2, heads=4, table_2=False),
}
"""``full`` has the 8 layers that are said of PASE, second-hand; all else is ours."""
ALIGNMENTS = ("attention", "mean")
"""How a segment is read: by cross-attention with its phone as query, or as the mean of its frames."""
PAPER_PARAMETERS = 37.7e6
"""What a third party notes of PASE's table of parameters; no text of the paper could be had."""


def size_of(name: str) -> PaseSize:
    """Raises OptionError for an unknown size; empty is ``full``.

    >>> size_of("").layers, size_of("small").width
    (8, 128)
    """
    name = name or next(iter(SIZES))
    if name not in SIZES:
        raise no_such("size", name, SIZES)
    return SIZES[name]
