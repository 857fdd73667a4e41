"""What was chosen and learned for a row, in words: its learning rate, and its mix of layers."""

from collections.abc import Sequence

import numpy as np

from speechlip.benchmarking.row_records import EDGE_MARK, EncoderRow, Rate

HEAVIEST = 3


def rate_words(rate: Rate | None) -> str:
    """
    >>> rate_words(Rate(0.002, "validation", at_edge=True)), rate_words(None)
    ('0.002*', '–')
    """
    return "–" if rate is None else f"{rate.lr:g}{EDGE_MARK if rate.at_edge else ''}"


def entropy_bits(weights: Sequence[float]) -> float:
    """Between 0, one layer alone, and log₂ of their number, all alike.

    >>> entropy_bits([0.5, 0.25, 0.25]), entropy_bits([1.0, 0.0])
    (1.5, 0.0)
    """
    known = np.array([weight for weight in weights if weight > 0])
    return float(np.abs(-(known * np.log2(known)).sum()))


def heaviest(weights: Sequence[float], count: int = HEAVIEST) -> list[int]:
    """
    >>> heaviest([0.1, 0.2, 0.6, 0.1])
    [2, 1, 0]
    """
    return sorted(range(len(weights)), key=lambda layer: -weights[layer])[:count]


def mix_words(row: EncoderRow) -> str:
    """The most heavily weighted layers of a row and the entropy of its weights; empty without a mix."""
    weights = row.mix
    if not weights:
        return ""
    most = ", ".join(f"{layer} ({weights[layer]:.2f})" for layer in heaviest(weights))
    entropy = f"{entropy_bits(weights):.2f} of {np.log2(len(weights)):.2f} bits"
    return f"most weight on layers {most} of 0 … {len(weights) - 1}; entropy {entropy}"
