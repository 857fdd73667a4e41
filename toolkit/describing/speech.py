"""Where somebody speaks, on the grid of video frames, by Silero VAD over the audio of a whole source.

Singing, laughter and music are no speech to that detector. Its probabilities become spans by the rules of
its own ``get_speech_timestamps`` with their defaults, in samples; a video frame is speech where at least half
of its 40 ms lies in a span.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from speechlip.describing.silero import CHUNK, Silero
from speechlip.spans import Span, runs
from speechlip.timing import SAMPLE_RATE, SAMPLES_PER_FRAME, seconds

BLOCK_FRAMES = 200
"""Frames that are listened to at once, 250 chunks: 0.2 MB of audio and 10 MB of features."""
BEGINS, GOES_ON = 0.5, 0.35
"""Speech begins at this probability, and ends where it stays below the other."""
SHORTEST, PAUSE, PAD = (SAMPLE_RATE * ms // 1000 for ms in (250, 100, 30))
"""Samples: shorter speech is none, a shorter pause ends nothing, and spans reach so far beyond it."""


class SpeechMeter:
    """Listens to a source frame by frame; memory does not grow with it but for a number every 32 ms."""

    def __init__(self) -> None:
        self._network = Silero()
        self._waiting: list[np.ndarray] = []
        self._probabilities: list[np.ndarray] = []
        self._n_frames = 0

    def hear(self, samples: np.ndarray | None) -> None:
        """Take the audio of the next frame: (640,) int16, or None where there is none."""
        self._waiting.append(np.zeros(SAMPLES_PER_FRAME, np.int16) if samples is None else samples)
        self._n_frames += 1
        if len(self._waiting) == BLOCK_FRAMES:
            self._listen()

    def finish(self) -> np.ndarray:
        """(N,) bool for the N frames that were heard: whether somebody speaks."""
        self._listen()
        probabilities = np.concatenate([np.zeros(0), *self._probabilities])
        spans = speech_spans(probabilities, self._n_frames * SAMPLES_PER_FRAME)
        return spoken_frames(spans, self._n_frames)

    def _listen(self) -> None:
        audio = np.concatenate([np.zeros(0, np.int16), *self._waiting])
        chunked = np.pad(audio, (0, -len(audio) % CHUNK))
        self._probabilities.append(self._network.probabilities(chunked))
        self._waiting.clear()


def speech_of(audio: np.ndarray) -> np.ndarray:
    """(T,) bool: in which frames of (640 T,) int16 audio somebody speaks."""
    meter = SpeechMeter()
    for samples in audio.reshape(-1, SAMPLES_PER_FRAME):
        meter.hear(samples)
    return meter.finish()


def speech_spans(probabilities: Iterable[float], n_samples: int) -> list[Span]:
    """Spans of speech in samples, as silero-vad's ``get_speech_timestamps`` has them.

    probabilities: one for every 512 samples.
    """
    spans = [
        (start, stop) for start, stop in _bare_spans(probabilities, n_samples) if stop - start > SHORTEST
    ]
    stops = [stop for _, stop in spans]
    starts = [start for start, _ in spans]
    edges = [max(0, start - PAD) for start in starts[:1]]
    for stop, start in zip(stops, starts[1:], strict=False):
        pad = PAD if start - stop >= 2 * PAD else (start - stop) // 2
        edges += [stop + pad, start - pad]
    edges += [min(n_samples, stop + PAD) for stop in stops[-1:]]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _bare_spans(probabilities: Iterable[float], n_samples: int) -> Iterator[Span]:
    """Spans without padding, short ones too."""
    start = pause = None
    for number, probability in enumerate(probabilities):
        here = number * CHUNK
        if probability >= BEGINS:
            start, pause = here if start is None else start, None
        elif start is not None and probability < GOES_ON:
            pause = here if pause is None else pause
            if here - pause >= PAUSE:
                yield start, pause
                start = pause = None
    if start is not None:
        yield start, n_samples


def spoken_frames(spans: Iterable[Span], n_frames: int) -> np.ndarray:
    """(n_frames,) bool: the frames of which at least half lies in a span of samples.

    >>> spoken_frames([(320, 1600)], 4).tolist()
    [True, True, True, False]
    >>> spoken_frames([(321, 1599)], 4).tolist()
    [False, True, False, False]
    """
    half = SAMPLES_PER_FRAME // 2
    spoken = np.zeros(n_frames, bool)
    for start, stop in spans:
        spoken[-(-(start - half) // SAMPLES_PER_FRAME) : (stop + half) // SAMPLES_PER_FRAME] = True
    return spoken


def in_seconds(spoken: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Frames of speech as (start_s, end_s).

    >>> in_seconds(np.array([0, 1, 1, 0, 1], bool))
    ((0.04, 0.12), (0.16, 0.2))
    """
    return tuple((seconds(start), seconds(stop)) for start, stop in runs(spoken))


def share_of(spoken: np.ndarray) -> float:
    """Share of frames with speech, 0 to 1, in ten thousandths.

    >>> share_of(np.array([0, 1, 1], bool))
    0.6667
    """
    return round(float(spoken.mean()), 4) if len(spoken) else 0.0
