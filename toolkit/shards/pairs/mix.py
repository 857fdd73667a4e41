"""The mix of training pairs: shares of the four kinds, and how a person writes them."""

from dataclasses import dataclass, fields

from speechlip.errors import OptionError
from speechlip.shards.pairs.rules import KINDS, NEGATIVES

SUM_TOLERANCE = 0.011
"""By how much stated shares may miss 1, for thirds to two decimals."""


@dataclass(frozen=True)
class PairMix:
    """Shares of the four kinds among all pairs; they add up to 1."""

    positive: float = 0.5
    shift: float = 0.25
    clip: float = 0.125
    speaker: float = 0.125

    def __post_init__(self) -> None:
        shares = self.shares()
        if any(not 0 <= share <= 1 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
            given = ", ".join(f"{kind}:{share:g}" for kind, share in shares.items())
            raise OptionError(
                f"shares must lie between 0 and 1 and add up to 1, "
                f"but are {given} (sum {sum(shares.values()):g})"
            )

    def shares(self) -> dict[str, float]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def kinds(self) -> tuple[str, ...]:
        """The kinds that this mix asks for, in the order of ``KINDS``."""
        return tuple(kind for kind, share in self.shares().items() if share > 0)

    def without(self, off: tuple[str, ...]) -> "PairMix":
        """Negatives of these kinds replaced by the others, in their proportions; the share of positives
        stays.

        >>> PairMix().without(("speaker",))
        PairMix(positive=0.5, shift=0.3333333333333333, clip=0.16666666666666666, speaker=0.0)
        """
        kept = {kind: self.shares()[kind] for kind in NEGATIVES if kind not in off}
        if not sum(kept.values()):
            raise OptionError(
                f"without {' and '.join(off)} no kind of negative is left; "
                f"give shards with more clips or speakers"
            )
        scale = (1 - self.positive) / sum(kept.values())
        return PairMix(
            self.positive,
            **(dict.fromkeys(NEGATIVES, 0.0) | {kind: share * scale for kind, share in kept.items()}),
        )


def parse_mix(text: str) -> PairMix:
    """Read shares such as ``shift:0.5,clip:0.25,speaker:0.25``.

    Without ``positive`` they are shares of the negatives, and half of all pairs are positive; with it they
    are shares of all pairs. They must add up to 1 (to two decimals, for thirds). Raises OptionError naming
    the kinds there are.

    >>> parse_mix("shift:0.5,clip:0.25,speaker:0.25")
    PairMix(positive=0.5, shift=0.25, clip=0.125, speaker=0.125)
    >>> parse_mix("positive:0.2,shift:0.8")
    PairMix(positive=0.2, shift=0.8, clip=0.0, speaker=0.0)
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        kind, _, share = (piece.strip() for piece in part.partition(":"))
        if kind not in KINDS:
            raise OptionError(f"no kind of pair {kind!r} in {text!r}; there are: {', '.join(KINDS)}")
        if kind in shares:
            raise OptionError(f"the kind {kind!r} is named twice in {text!r}")
        shares[kind] = _share(share, text)
    total = sum(shares.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise OptionError(f"the shares of {text!r} add up to {total:g}; they must add up to 1")
    scale = (1 if "positive" in shares else 0.5) / total
    return PairMix(
        **(
            {"positive": 0.5}
            | dict.fromkeys(NEGATIVES, 0.0)
            | {kind: share * scale for kind, share in shares.items()}
        )
    )


def _share(text: str, whole: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise OptionError(
            f"cannot read the share {text!r} in {whole!r}; write it like shift:0.5,clip:0.25,speaker:0.25"
        )
    return share
