"""Audio at 16 kHz mono, each sample where its presentation time puts it, cut into 640 samples a frame.

Audio without a jump in its stamps is one *run* through one resampler, whose delay libswresample compensates.
A run is placed by its first stamp and followed by its length in samples. Later stamps are only compared with
that, since containers round them (Matroska: 1 ms) and some clocks drift: a stamp more than JUMP_S off starts
a new run, a lasting difference above DRIFT_S is followed by one sample a packet.
"""

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain, count, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np

from speechlip.errors import SourceRefused
from speechlip.media.channels import in_phase, kind
from speechlip.media.info import MediaInfo
from speechlip.media.streams.corrected import Correction
from speechlip.media.streams.opening import audio_stream, open_local
from speechlip.media.streams.packets import stamped_frames
from speechlip.timing import SAMPLE_RATE, SAMPLES_PER_FRAME

MAX_PAD_SAMPLES = SAMPLES_PER_FRAME // 2
"""Up to half a frame of missing audio becomes silence; a frame that lacks more has no audio."""
JUMP_S = 0.005
"""Half the shortest usual packet (Opus, 10 ms): a lost packet is a jump, a rounded stamp is none."""
COUNTED_S = 0.0001
"""Ticks of 1/90000 s, rounded up."""
DRIFT_S = 0.001
"""The rounding of Matroska and FLV stamps: a smaller lasting difference cannot be told from it."""
DRIFT_MEMORY_S = 1.0
"""Time constant over which stamps are averaged, so that the jitter of single ones is not followed."""
Piece = tuple[int, np.ndarray]  # first sample on the 16 kHz grid, (n,) int16


def audio_windows(path: Path, info: MediaInfo, tally: Counter) -> Generator[np.ndarray | None]:
    """Audio of every frame from ``info.video_start_s`` on, without end: (640,) int16, 16 kHz.

    None for a frame of which more than 20 ms have no audio. tally: counts gaps, padding and damage.
    Raises SourceRefused (stage ``audio``): no decodable audio.
    """
    with open_local(path) as container:
        stream = audio_stream(container, info.audio_track)
        if stream is None:
            raise SourceRefused(
                "audio",
                "no decodable audio",
                "the stream that probing saw is gone: was the file replaced meanwhile?",
            )
        stamped = stamped_frames(container, stream, tally, info.audio_shifts)
        since_video = (
            (None if stamp is None else float(stamp) - info.video_start_s, frame) for stamp, frame in stamped
        )
        bounds_s = [
            float(shift.begin_s) - info.video_start_s
            for shift in info.audio_shifts
            if shift.begin_s is not None
        ]
        yield from cut_windows(place_audio(since_video, tally, bounds_s), tally)


def place_audio(
    stamped: Iterable[tuple[float | None, av.AudioFrame]], tally: Counter, bounds_s: Sequence[float] = ()
) -> Iterator[Piece]:
    """Resample decoded audio run by run and place it on the 16 kHz grid.

    stamped: (time in seconds or None, frame); a frame without a time follows the one before.
    bounds_s: times at which another recording begins, and with it a run.

    Where rate, layout or format changes another run begins; that is said but no gap. Channels that would
    cancel each other are turned (``channels``). Raises SourceRefused (stage ``audio``) at the end where there
    was not one frame: no decodable audio.
    """
    run: _Run | None = None
    for due_s, frame in in_phase(without_false_jumps(without_counted_on(stamped)), tally):
        joined = (
            run is not None
            and due_s is not None
            and bisect_right(bounds_s, due_s) > bisect_right(bounds_s, run.start_s)
        )
        if run is not None and (joined or not run.goes_on(due_s, frame)):
            tally["audio_gaps"] += joined or run.jumps(due_s)
            if kind(frame)[1:] != run.kind[1:]:
                tally[Correction(f"audio goes on at {frame.sample_rate} Hz {frame.layout.name}")] += 1
            yield from run.finish()
            due_s = run.due_s if due_s is None else due_s
            run = None
        if run is None:
            run = _Run(frame, due_s or 0.0)
        yield from run.feed(due_s, frame)
    if run is None:
        raise SourceRefused(
            "audio",
            "no decodable audio",
            f"{tally['damaged_packets']} damaged packets, and none that gave sound",
        )
    yield from run.finish()


def without_counted_on(
    stamped: Iterable[tuple[float | None, av.AudioFrame]],
) -> Iterator[tuple[float | None, av.AudioFrame]]:
    """Replace by None the stamps that FFmpeg made up after a change of rate.

    Within a packet of a transport stream FFmpeg counts on at the rate with which the stream began.
    """
    first_rate, due_s = 0, float("nan")
    for stamp_s, frame in stamped:
        first_rate = first_rate or frame.sample_rate
        counted_on = (
            frame.sample_rate != first_rate and stamp_s is not None and abs(stamp_s - due_s) < COUNTED_S
        )
        due_s = float("nan") if stamp_s is None else stamp_s + frame.samples / first_rate
        yield None if counted_on else stamp_s, frame


def without_false_jumps(
    stamped: Iterable[tuple[float | None, av.AudioFrame]],
) -> Iterator[tuple[float | None, av.AudioFrame]]:
    """Replace by None a stamp that jumps where the next one goes on as if it had not.

    FFmpeg dates the first Vorbis packet of an Ogg page as if the decoder gave out only its second half: up to
    10 ms late.
    """
    due_s: float | None = None
    end: list[tuple[Any, Any]] = [(None, None)]
    for (stamp_s, frame), (next_s, _) in pairwise(chain(stamped, end)):
        length_s = frame.samples / frame.sample_rate
        if due_s is not None and stamp_s is not None and next_s is not None and abs(stamp_s - due_s) > JUMP_S:
            stamp_s = None if abs(next_s - due_s - length_s) <= JUMP_S else stamp_s
        yield stamp_s, frame
        begin_s = due_s if stamp_s is None else stamp_s
        due_s = None if begin_s is None else begin_s + length_s


def cut_windows(pieces: Iterable[Piece], tally: Counter) -> Iterator[np.ndarray | None]:
    """Lay pieces side by side and cut them into frames, without end; where two overlap the earlier one stays.

    >>> from collections import Counter
    >>> tally = Counter()
    >>> windows = cut_windows([(100, np.ones(1000, np.int16))], tally)
    >>> [None if (window := next(windows)) is None else int(window.sum()) for _ in range(3)]
    [540, 460, None]
    >>> tally["padded_samples"]
    280
    """
    source, pending, end = iter(pieces), deque[Piece](), -1
    for low in count(0, SAMPLES_PER_FRAME):
        high = low + SAMPLES_PER_FRAME
        while end < high and (piece := next(source, None)) is not None:
            start, samples = max(piece[0], end), piece[1][max(0, end - piece[0]) :]
            if len(samples):
                pending.append((start, samples))
                end = start + len(samples)
        yield _window(low, high, pending, tally)
        while pending and pending[0][0] + len(pending[0][1]) <= high:
            pending.popleft()


def _window(low: int, high: int, pieces: Iterable[Piece], tally: Counter) -> np.ndarray | None:
    window, missing = np.zeros(high - low, np.int16), high - low
    for start, samples in pieces:
        a, b = max(start, low), min(start + len(samples), high)
        if a < b:
            window[a - low : b - low] = samples[a - start : b - start]
            missing -= b - a
    if missing > MAX_PAD_SAMPLES:
        return None
    tally["padded_samples"] += missing
    return window


class _Run:
    """Audio without a jump: one resampler, and where its next sample belongs."""

    def __init__(self, frame: av.AudioFrame, start_s: float) -> None:
        self.kind = kind(frame)
        self.resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        self.start_s, self.fed_s, self.inserted = start_s, 0.0, 0
        self.late_s = 0.0
        self.next_sample = round(start_s * SAMPLE_RATE)

    @property
    def due_s(self) -> float:
        """When the next source sample is due if the stamps do not jump."""
        return self.start_s + self.fed_s + self.inserted / SAMPLE_RATE

    def goes_on(self, due_s: float | None, frame: av.AudioFrame) -> bool:
        return kind(frame) == self.kind and not self.jumps(due_s)

    def jumps(self, due_s: float | None) -> bool:
        return due_s is not None and abs(due_s - self.due_s) > JUMP_S

    def feed(self, due_s: float | None, frame: av.AudioFrame) -> Iterator[Piece]:
        length_s = frame.samples / frame.sample_rate
        if due_s is not None:
            self.late_s += min(1.0, length_s / DRIFT_MEMORY_S) * (due_s - self.due_s - self.late_s)
        self.fed_s += length_s
        yield from self._place(self.resampler.resample(frame))

    def finish(self) -> Iterator[Piece]:
        yield from self._place(self.resampler.resample(None))

    def _place(self, frames: Iterable[av.AudioFrame | None]) -> Iterator[Piece]:
        for frame in frames:
            if frame is None:  # a resampler that has nothing to do hands back what it was given
                return
            samples = self._follow_drift(frame.to_ndarray()[0])
            yield self.next_sample, samples
            self.next_sample += len(samples)

    def _follow_drift(self, samples: np.ndarray) -> np.ndarray:
        if abs(self.late_s) < DRIFT_S:
            return samples
        step = 1 if self.late_s > 0 else -1
        self.inserted += step
        self.late_s -= step / SAMPLE_RATE
        return np.concatenate([samples[:1], samples]) if step > 0 else samples[1:]


class Resampler:
    """libswresample for frames whose rate, layout or format changes; at a change it gives out the rest."""

    def __init__(self, *target: object) -> None:
        self._target, self._kind = target, ("", "", 0)
        self._inner: av.AudioResampler | None = None

    def resample(self, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
        """Resampled frames for one frame; for None what is left."""
        rest: list[av.AudioFrame] = []
        if frame is None or kind(frame) != self._kind:
            rest = [part for part in self._inner.resample(None) if part is not None] if self._inner else []
            self._inner = None
        if frame is None:
            return rest
        if self._inner is None:
            self._inner, self._kind = av.AudioResampler(*self._target), kind(frame)  # type: ignore[arg-type]
        return [*rest, *self._inner.resample(frame)]
