"""What a recording sounds like, as hashes that a copy of it shares and other speech does not.

Peaks of the spectrum's envelope (formants of syllables) are taken five at a time. A hash holds the musical
intervals between them and the ratios of the times between them, so that neither another speed nor another
pitch changes it: the idea of Panako (Six and Leman, ISMIR 2014), on the envelope instead of partials.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from speechlip.timing import SAMPLE_RATE

WINDOW, HOP = 512, 160
"""Samples: 32 ms every 10 ms."""
LOWEST_HZ, BANDS, BANDS_PER_OCTAVE = 300.0, 24, 6
SMOOTHING = np.hanning(7)[1:-1] / np.hanning(7).sum()
"""Over 50 ms."""
PEAK_FRAMES, PEAK_BANDS = 6, 3
"""A peak is the largest value within so many columns and bands to each side."""
FLOOR = 7.0
"""Natural logarithm of power, 30 dB: peaks so far below the loudest fiftieth are left out."""
QUIET = 1e-6
POINTS, AHEAD = 5, 7
"""A hash joins a peak with four of the next seven."""
SHORTEST_S, LONGEST_S = 0.15, 2.0
"""From the first to the last peak of a hash."""
RATIO_STEPS, SPANS_PER_OCTAVE = 12, 2
MOST_HASHES = 4096
"""Of one recording, the smallest: about 12 s of speech have so many, and longer recordings are
sampled by the value of the hash, which is the same for a copy."""
BLOCK_COLUMNS = 4096


@dataclass(frozen=True)
class AudioHashes:
    """Hashes of one recording, in the order of their values.

    values: (N,) uint32.
    times_s: (N,) float32, of the first peak.
    """

    values: np.ndarray
    times_s: np.ndarray

    def __len__(self) -> int:
        return len(self.values)


NO_HASHES = AudioHashes(np.zeros(0, np.uint32), np.zeros(0, np.float32))


def audio_hashes(blocks: Iterable[np.ndarray]) -> AudioHashes:
    """Hashes of 16 kHz mono audio.

    blocks: (n,) int16, of any lengths, one after another.
    """
    columns = [envelope(samples) for samples in windows(blocks)]
    if not columns:
        return NO_HASHES
    times_s, bands = peaks(smoothed(np.concatenate(columns)))
    values, firsts = joined(times_s, bands)
    if len(values) > MOST_HASHES:
        kept = np.argpartition(values, MOST_HASHES)[:MOST_HASHES]
        values, firsts = values[kept], firsts[kept]
    order = np.lexsort((firsts, values))
    return AudioHashes(values[order], times_s[firsts[order]].astype(np.float32))


def windows(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Audio cut so that each piece gives ``BLOCK_COLUMNS`` columns of the spectrum, the last one fewer."""
    wanted, kept, n = (BLOCK_COLUMNS - 1) * HOP + WINDOW, [], 0
    for block in blocks:
        kept.append(block)
        n += len(block)
        while n >= wanted:
            samples = np.concatenate(kept)
            yield samples[:wanted]
            kept, n = [samples[BLOCK_COLUMNS * HOP :]], n - BLOCK_COLUMNS * HOP
    if n >= WINDOW:
        yield np.concatenate(kept)


def envelope(samples: np.ndarray) -> np.ndarray:
    """(T, BANDS) float32: logarithm of the power in each band."""
    framed = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    scaled = framed.astype(np.float32) * (np.hanning(WINDOW).astype(np.float32) / 32768)
    power = np.abs(np.fft.rfft(scaled, axis=1)).astype(np.float32) ** 2
    return np.log(power @ filters() + np.float32(QUIET))


@lru_cache
def filters() -> np.ndarray:
    """(WINDOW / 2 + 1, BANDS) float32: triangles, evenly spaced in octaves."""
    edges = LOWEST_HZ * 2 ** (np.arange(-1, BANDS + 1) / BANDS_PER_OCTAVE)
    hz = np.arange(WINDOW // 2 + 1)[:, None] * SAMPLE_RATE / WINDOW
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (hz - low) / (centre - low), (high - hz) / (high - centre)
    return np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)


def smoothed(columns: np.ndarray) -> np.ndarray:
    from scipy.ndimage import convolve1d

    return convolve1d(columns, SMOOTHING.astype(np.float32), axis=0, mode="nearest")


def peaks(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds and bands, both with fractions, of the local maxima, in the order of time."""
    from scipy.ndimage import maximum_filter

    size = 2 * PEAK_FRAMES + 1, 2 * PEAK_BANDS + 1
    highest = columns == maximum_filter(columns, size=size)
    highest &= columns > np.percentile(columns, 98) - FLOOR
    highest[[0, -1]] = highest[:, [0, -1]] = False
    t, band = np.nonzero(highest)
    middle = columns[t, band]
    late = vertex(columns[t - 1, band], middle, columns[t + 1, band])
    sharp = vertex(columns[t, band - 1], middle, columns[t, band + 1])
    return (t + late) * HOP / SAMPLE_RATE, band + sharp


def vertex(before: np.ndarray, middle: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where the parabola through three values is highest, −0.5 to 0.5 from the middle one."""
    bend = before - 2 * middle + after
    flat = bend > -1e-6
    return np.where(flat, 0.0, np.clip(0.5 * (before - after) / np.where(flat, 1.0, bend), -0.5, 0.5))


def joined(times_s: np.ndarray, bands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of all groups of peaks, (N,) uint32, and the index of the first peak of each."""
    values, firsts = [np.zeros(0, np.uint32)], [np.zeros(0, np.intp)]
    for steps in combinations(range(1, AHEAD + 1), POINTS - 1):
        first = np.arange(max(0, len(times_s) - steps[-1]))
        others = [first + step for step in steps]
        span_s = times_s[others[-1]] - times_s[first]
        usable = (span_s > SHORTEST_S) & (span_s < LONGEST_S)
        first, span_s, others = first[usable], span_s[usable], [other[usable] for other in others]
        parts = [bands[first] / 4]
        parts += [bands[other] - bands[first] + 0.5 for other in others]
        parts += [(times_s[other] - times_s[first]) / span_s * RATIO_STEPS + 0.5 for other in others[:-1]]
        parts.append(np.log2(span_s) * SPANS_PER_OCTAVE)
        values.append(mixed(parts))
        firsts.append(first)
    return np.concatenate(values), np.concatenate(firsts)


def mixed(parts: list[np.ndarray]) -> np.ndarray:
    """Whole parts of several numbers as one number, evenly spread: (N,) uint32."""
    value = np.zeros(len(parts[0]), np.uint64)
    for part in parts:
        value = (value ^ np.floor(part).astype(np.int64).astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        value ^= value >> np.uint64(29)
    return (value >> np.uint64(32)).astype(np.uint32)
