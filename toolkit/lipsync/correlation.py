"""How well an expected mouth and a measured one move together, at every offset: offset, confidence, p-value.

Goal: (N, K) expected from audio, (T, K) measured → one ``MouthSync``.
Conventions: columns are compared one with one, and their correlations averaged. **offset > 0: the audio is
early** (the mouth moves that many frames after it), as SyncNet's offset has it. Frames of 40 ms.
Source: Pearson's correlation; the p-value is a surrogate test (Theiler et al., Physica D 58, 1992): audio
with the same spectrum and random phases, searched at as many offsets.
Functions: mouth_sync, correlations, p_value, surrogates.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from speechlip.metrics.declared import NotScored

MAX_OFFSET = 15
NEAR = 3
"""Frames around an offset in which a correlation is no other peak: movements of mouths are that slow."""
LEAST_FRAMES = 50
"""2 s: of shorter ones every offset may come out (docs/sync-without-weights.md)."""
AROUND = 12
"""Frames either side that the correlation of one frame is taken over: 1 s."""
SURROGATES = 199
"""So that p is 0.005 at least."""
AT_ONCE = 500_000
"""Numbers of surrogates in memory at once: 4 MB."""


@dataclass(frozen=True)
class MouthSync:
    """How well one mouth goes with some audio.

    offset_frames: > 0 where the audio is early.
    correlation: mean over the columns at that offset, −1 to 1.
    confidence: how far it stands above the best that is more than ``NEAR`` frames away, 0 to 2.
    p: share of audio that moves as fast at other times and reaches the correlation by chance.
    frames: T.
    curve: (2 · MAX_OFFSET + 1,) correlation at offset −15 … 15.
    per_frame: (T,) correlation of the second around each frame, at that offset.
    """

    offset_frames: int
    correlation: float
    confidence: float
    p: float
    frames: int
    curve: np.ndarray
    per_frame: np.ndarray


def mouth_sync(expected: np.ndarray, measured: np.ndarray, start: int = 0) -> MouthSync:
    """Judge ``measured`` against ``expected``.

    expected: (N, K), a row for each frame of the audio.
    measured: (T, K) of the frames ``start … start + T − 1``, finite.

    Raises NotScored: ``too short``, ``no speech`` where nothing is expected to move, ``still mouth``.

    >>> expected = np.random.default_rng(0).normal(size=(200, 1))
    >>> sync = mouth_sync(expected, np.roll(expected, 3, axis=0)[:150])
    >>> sync.offset_frames, round(sync.correlation, 2), sync.p < 0.01
    (3, 1.0, True)
    """
    if len(measured) < LEAST_FRAMES:
        raise NotScored("too short", f"{len(measured)} frames of a mouth, {LEAST_FRAMES} are needed")
    curve = correlations(expected, measured, start)
    offset = int(np.argmax(curve)) - MAX_OFFSET
    best = float(curve.max())
    far = np.abs(np.arange(-MAX_OFFSET, MAX_OFFSET + 1) - offset) > NEAR
    return MouthSync(
        offset_frames=offset,
        correlation=best,
        confidence=best - float(curve[far].max()),
        p=p_value(best, expected, measured, start),
        frames=len(measured),
        curve=curve,
        per_frame=per_frame(shifted(expected, start - offset, len(measured)), measured),
    )


def correlations(expected: np.ndarray, measured: np.ndarray, start: int = 0) -> np.ndarray:
    """(31,) mean correlation of the columns at offset −15 … 15, from the frames that both have.

    expected: (N, K), or several at once: (N, S, K) with measured (T, 1, K) → (31, S).

    >>> rows = np.random.default_rng(0).normal(size=(100, 2))
    >>> int(np.argmax(correlations(rows, rows))), round(float(correlations(rows, rows).max()), 6)
    (15, 1.0)
    """
    curve = np.zeros((2 * MAX_OFFSET + 1, *expected.shape[1:-1]))
    for place, offset in enumerate(range(-MAX_OFFSET, MAX_OFFSET + 1)):
        first = max(0, offset - start)
        last = min(len(measured), len(expected) + offset - start)
        if last - first > 1:
            heard = expected[first + start - offset : last + start - offset]
            curve[place] = np.mean(unit(heard) * unit(measured[first:last]), axis=0).mean(axis=-1)
    return curve


def shifted(expected: np.ndarray, start: int, frames: int) -> np.ndarray:
    """The rows ``start … start + frames − 1``, with zeros where there are none: (frames, K).

    >>> shifted(np.array([[1.0], [2.0]]), -1, 4).ravel().tolist()
    [0.0, 1.0, 2.0, 0.0]
    """
    rows = np.zeros((frames, expected.shape[1]))
    first, last = max(0, -start), min(frames, len(expected) - start)
    if first < last:
        rows[first:last] = expected[start + first : start + last]
    return rows


def p_value(best: float, expected: np.ndarray, measured: np.ndarray, start: int = 0) -> float:
    """How often audio that does not belong to the mouth reaches ``best`` in the same search, 0.005 to 1.

    expected, measured, start: as ``mouth_sync`` has them.
    """
    near = expected[max(0, start - MAX_OFFSET) : start + len(measured) + MAX_OFFSET]
    from_there = min(start, MAX_OFFSET)
    by_chance = np.concatenate(
        [correlations(rows, measured[:, None], from_there).max(axis=0) for rows in surrogates(near)]
    )
    return float((1 + np.sum(by_chance >= best)) / (1 + len(by_chance)))


def surrogates(expected: np.ndarray) -> Iterator[np.ndarray]:
    """(N, K) → 199 like it in parts (N, S, K): the same spectrum in every column, each with other phases.

    So they move as fast as it does, at other times; columns keep their correlation. Always the same ones.

    >>> rows = np.random.default_rng(0).normal(size=(60, 2))
    >>> (part,) = surrogates(rows)
    >>> part.shape, bool(np.allclose(part.std(axis=0), rows.std(axis=0), rtol=0.1))
    ((60, 199, 2), True)
    """
    random, spectrum = np.random.default_rng(0), np.fft.rfft(expected, axis=0)[:, None]
    step = max(1, AT_ONCE // expected.size)
    for first in range(0, SURROGATES, step):
        turns = random.random((len(spectrum), min(step, SURROGATES - first), 1))
        yield np.fft.irfft(spectrum * np.exp(2j * np.pi * turns), len(expected), axis=0)


def per_frame(expected: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """(T,) share of each frame's neighbourhood in the correlation; their mean is near it."""
    products = np.mean(unit(expected) * unit(measured), axis=1)
    width = 2 * AROUND + 1
    return np.convolve(np.pad(products, AROUND, mode="edge"), np.ones(width) / width, "valid")


def unit(values: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and deviation 1; zeros where one does not change."""
    away = values - values.mean(axis=0)
    deviation = away.std(axis=0)
    return np.divide(away, deviation, out=np.zeros_like(away), where=deviation > 1e-12)
