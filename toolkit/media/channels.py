"""Channels that carry one voice upside down: added up they would cancel, so they are turned back before.

A microphone's plug wired the wrong way round, or a mixer's phase switch left on, inverts one channel for a
whole recording. Channels are compared with the first one that is loud (within 3 dB of the loudest), over
``AROUND_S`` before and after each frame. Where their correlation (each frame's mean taken off) is below
−``SURE`` the channel is inverted, above ``SURE`` it is not, between it stays as it was. Two microphones, wide
stereo and noise lie between, and are added up as ever.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from math import copysign, sqrt
from typing import Any, cast

import av
import numpy as np

from speechlip.media.streams.corrected import Correction

AROUND_S = 1.0
"""Before and after a frame: a few syllables."""
SURE = 0.5
"""At −0.5 two equally loud channels lose 4.8 dB against turning one back; independent ones stay near 0."""
QUIET = 10 ** (-70 / 10)
"""Mean square: below −70 dBFS there is nothing to compare."""
LOUDEST = 10.0
"""Full scale is 1; samples in floating point may be anything."""
MOST_PLANES = 7
"""PyAV reads past the end of a frame of eight planes."""
SIDES = ("left", "right")
NUMBERS: dict[str, np.dtype] = {
    name: np.dtype(kind)
    for name, kind in {"u8": "u1", "s16": "i2", "s32": "i4", "flt": "f4", "dbl": "f8"}.items()
}
Stamped = tuple[float | None, av.AudioFrame]


def kind(frame: av.AudioFrame) -> tuple[str, str, int]:
    """Sample format, layout and rate of a frame: what a resampler must know."""
    return frame.format.name, frame.layout.name, frame.sample_rate


def in_phase(stamped: Iterable[Stamped], tally: Counter) -> Iterator[Stamped]:
    """The same frames with inverted channels turned back; holds about a second of them.

    tally: gets a sentence for what is turned.
    """
    waiting: deque[tuple[Stamped, np.ndarray]] = deque()  # frames, and the products of their channels
    state: _Signs | None = None
    for due_s, frame in stamped:
        if state is None or state.kind != kind(frame):
            if state:
                yield from state.rest(waiting, tally)
            state = _Signs(frame)
        if not state.compares:
            yield due_s, frame
            continue
        frame = state.readable(frame)
        yield from state.take((due_s, frame), waiting, tally)
    if state:
        yield from state.rest(waiting, tally)


class _Signs:
    """The sign of every channel over frames of one kind."""

    def __init__(self, frame: av.AudioFrame) -> None:
        self.kind = kind(frame)
        name, channels = frame.format.name, frame.layout.nb_channels
        self.compares = channels > 1 and name.removesuffix("p") in NUMBERS
        self._names = channel_names(frame)
        self._effects = [place for place, it in enumerate(frame.layout.channels) if it.name == "LFE"]
        self._signs = [1.0] * channels
        self._sums = np.zeros((channels, channels))
        self._samples = self._ahead = 0
        self._behind: deque[tuple[int, np.ndarray]] = deque()
        self._reach = round(AROUND_S * frame.sample_rate)
        many = name.endswith("p") and channels > MOST_PLANES
        self._packer = (
            av.AudioResampler(name.removesuffix("p"), frame.layout.name, frame.sample_rate) if many else None
        )

    def readable(self, frame: av.AudioFrame) -> av.AudioFrame:
        return self._packer.resample(frame)[0] if self._packer else frame

    def take(self, entry: Stamped, waiting: deque, tally: Counter) -> Iterator[Stamped]:
        """Compare one more frame, and give out those that ``AROUND_S`` of audio follows."""
        products = covariance(entry[1], self._effects)
        waiting.append((entry, products))
        self._sums += products
        self._samples += entry[1].samples
        self._ahead += entry[1].samples
        while waiting and self._ahead - waiting[0][0][1].samples >= self._reach:
            yield self._next(waiting, tally)

    def rest(self, waiting: deque, tally: Counter) -> Iterator[Stamped]:
        while waiting:
            yield self._next(waiting, tally)

    def _next(self, waiting: deque, tally: Counter) -> Stamped:
        (due_s, frame), products = waiting.popleft()
        self._ahead -= frame.samples
        self._behind.append((frame.samples, products))
        while self._samples - self._ahead - self._behind[0][0] > self._reach:
            samples, old = self._behind.popleft()
            self._sums -= old
            self._samples -= samples
        self._signs = signs(self._sums / max(1, self._samples), self._signs)
        inverted = [channel for channel, sign in enumerate(self._signs) if sign < 0]
        if inverted:
            tally[
                Correction(
                    f"{' and '.join(self._names[channel] for channel in inverted)} inverted → turned back"
                )
            ] += 1
            turn(frame, inverted)
        return due_s, frame


def signs(covariances: np.ndarray, before: Sequence[float]) -> list[float]:
    """Which channels must be turned to agree with the first loud one: ±1 for each.

    covariances: (C, C) mean products of the channels.
    before: C numbers, ±1, kept where the correlation is unsure.

    >>> signs(np.array([[4.0, -1.9, 0.1], [-1.9, 1.0, 0.0], [0.1, 0.0, 1.0]]), [1.0, 1.0, 1.0])
    [1.0, -1.0, 1.0]
    """
    products = covariances.tolist()
    power = [row[channel] for channel, row in enumerate(products)]
    if max(power) < QUIET:
        return list(before)
    first = next(channel for channel, loud in enumerate(power) if loud >= max(power) / 2)
    found = list(before)
    for channel, product in enumerate(products[first]):
        likeness = product / sqrt(max(power[channel] * power[first], 1e-30))
        if abs(likeness) >= SURE and power[channel] >= QUIET:
            found[channel] = copysign(1.0, before[first] * likeness)
    return found


def covariance(frame: av.AudioFrame, silent: list[int]) -> np.ndarray:
    """(C, C) summed products of the channels of one frame: full scale is 1, means taken off.

    silent: channels that count as silent.
    """
    signal = np.array(channel_views(frame), np.float64)
    if signal.shape[1] == 0:
        return np.zeros((len(signal), len(signal)))
    signal -= np.add.reduce(signal, axis=1, keepdims=True) / signal.shape[1]
    signal /= full_scale(NUMBERS[frame.format.name.removesuffix("p")])
    if not -LOUDEST <= signal.min() <= signal.max() <= LOUDEST:
        signal = np.clip(np.nan_to_num(signal, posinf=0, neginf=0), -LOUDEST, LOUDEST)
    if silent:
        signal[silent] = 0
    products: np.ndarray = signal @ signal.T
    return products


def full_scale(numbers: np.dtype) -> float:
    """Largest magnitude of a sample of this type."""
    return 1.0 if numbers.kind == "f" else 2.0 ** (8 * numbers.itemsize - 1)


def turn(frame: av.AudioFrame, channels: list[int]) -> None:
    """Change the sign of these channels in place; whole numbers stay in range."""
    frame.make_writable()
    for place, samples in enumerate(channel_views(frame)):
        if place in channels and samples.dtype == np.uint8:
            samples[:] = 255 - samples  # 128 is silence: half a step off
        elif place in channels and samples.dtype.kind == "i":
            samples[:] = -np.maximum(samples, -np.iinfo(samples.dtype).max)
        elif place in channels:
            np.negative(samples, out=samples)


def channel_views(frame: av.AudioFrame) -> list[np.ndarray]:
    """Samples of each channel as views of the frame's own memory."""
    name, count = frame.format.name, frame.layout.nb_channels
    numbers, planes = NUMBERS[name.removesuffix("p")], cast(Sequence[Any], frame.planes)
    if name.endswith("p"):
        return [np.frombuffer(plane, numbers)[: frame.samples] for plane in planes]
    packed = np.frombuffer(planes[0], numbers)[: frame.samples * count].reshape(frame.samples, count)
    return [packed[:, place] for place in range(count)]


def channel_names(frame: av.AudioFrame) -> list[str]:
    """Names of the channels: left and right of two, else their numbers."""
    count = frame.layout.nb_channels
    return [
        f"{SIDES[place]} channel" if count == 2 else f"channel {place + 1} of {count}"
        for place in range(count)
    ]
