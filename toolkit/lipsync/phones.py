"""Lip sync of one clip by its phones: what the mouth should do, from audio alone.

Goal: audio → the four distances of ``lipsync.mouth``, as far as phones foretell them.
Conventions: a row for each frame of 40 ms; openings and widths lie in 0 … 1, without a unit.
Source: PocketSphinx recognises US-English phones (its model lies in its wheel). Which phones open the mouth,
and which spread it, is what phonetics says of English vowels and consonants; the numbers were set once, by
hand, and fitted to nothing. Phones of another language become the English ones that sound most alike, which
is why that works too.
Functions: judge, expected_mouth, recognised, phone_values.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256

import numpy as np

from speechlip.lipsync.correlation import LEAST_FRAMES, MouthSync, mouth_sync
from speechlip.lipsync.mouth import STILL, mouth_distances, movement
from speechlip.metrics.declared import NotScored
from speechlip.phones import SILENCE
from speechlip.records import Phone
from speechlip.timing import FPS, SAMPLES_PER_FRAME

REMEMBERED = 4
"""Recordings whose phones are kept: of one clip several metrics ask, and the judge's copies share theirs."""
STEPS = 4
"""Of 10 ms in a frame: the recogniser's clock."""


def _table(words: str) -> dict[str, float]:
    """``AA AE 0.9 B 0`` → AA and AE 0.9, B 0."""
    values: dict[str, float] = {}
    waiting: list[str] = []
    for word in words.split():
        if word[0].isdigit():
            values |= dict.fromkeys(waiting, float(word))
            waiting = []
        else:
            waiting.append(word)
    return values


OPENING = _table(
    "AA 1 AE 0.9 AW AY 0.85 AO 0.8 EH 0.7 AH OY 0.6 EY 0.55 OW 0.5 ER HH 0.45 IH L 0.4 IY UH K G NG 0.35 "
    "R Y N D T SH ZH CH JH TH DH 0.3 UW S Z 0.25 W 0.2 F V 0.1 SIL 0.05 B P M 0"
)
"""How far apart the lips are."""
WIDTH = _table(
    "IY 1 EY AE 0.9 IH Y EH 0.8 S Z AY 0.7 AA AH F V B P M T D N L K G NG TH DH HH SIL 0.5 AW 0.4 ER 0.35 "
    "R SH ZH CH JH 0.3 AO 0.25 UH OY 0.2 OW 0.1 UW W 0"
)
"""How far apart their corners are: spread 1, at rest 0.5, rounded 0."""


def judge(audio: np.ndarray, landmarks: np.ndarray, start: int = 0) -> MouthSync:
    """Lip sync of one face.

    audio: (640 N,) int16, 16 kHz mono.
    landmarks: (T, 68, 2) px of the frames ``start … start + T − 1``.

    Raises NotScored: ``too short``, ``no speech``, ``still mouth``; ModelError where PocketSphinx is missing.
    """
    return compared(expected_mouth(audio), mouth_distances(landmarks), start)


def compared(expected: np.ndarray, measured: np.ndarray, start: int = 0) -> MouthSync:
    """``mouth_sync`` of how both move. Raises NotScored, ``no speech`` and ``still mouth`` too."""
    if len(measured) < LEAST_FRAMES:
        raise NotScored("too short", f"{len(measured)} frames of a mouth, {LEAST_FRAMES} are needed")
    if not np.ptp(expected, axis=0).any():
        raise NotScored("no speech", "no phone was heard: nothing that a mouth could follow")
    if (measured.std(axis=0) < STILL).all():
        raise NotScored("still mouth", f"it does not move in {len(measured)} frames")
    return mouth_sync(movement(expected), movement(measured), start)


def expected_mouth(audio: np.ndarray) -> np.ndarray:
    """The four distances that phones foretell: (640 N,) int16 → (N, 4). Raises ModelError."""
    whole = audio[: len(audio) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME]
    phones = recognised(whole) if whole.any() else ()
    n_frames = len(whole) // SAMPLES_PER_FRAME
    opening, width = (phone_values(phones, n_frames, table) for table in (OPENING, WIDTH))
    return np.stack([opening, width, opening, opening], axis=1)


_phones: dict[bytes, tuple[Phone, ...]] = {}


def recognised(samples: np.ndarray) -> tuple[Phone, ...]:
    """Phones of (N,) int16 without a transcript; those of the last few recordings are remembered.

    Raises ModelError without the recogniser.
    """
    from speechlip.aligning.sphinx import recognise

    key = sha256(np.ascontiguousarray(samples).data).digest()
    if key not in _phones:
        heard = tuple(phone for each in recognise(samples) for phone in each.phones)
        if len(_phones) >= REMEMBERED:
            del _phones[next(iter(_phones))]
        _phones[key] = heard
    return _phones[key]


def phone_values(phones: Iterable[Phone], n_frames: int, table: Mapping[str, float]) -> np.ndarray:
    """(N,) value of the phones in every frame, mean over its 40 ms, smoothed by (¼, ½, ¼).

    >>> phone_values([Phone(0.04, 0.08, "AA")], 3, {"AA": 1.0, "SIL": 0.0}).tolist()
    [0.25, 0.5, 0.25]
    """
    steps = np.full(n_frames * STEPS, table[SILENCE])
    for phone in phones:
        first, last = (round(second * FPS * STEPS) for second in (phone.start_s, phone.end_s))
        steps[first:last] = table.get(phone.phone, table[SILENCE])
    frames = np.pad(steps.reshape(n_frames, STEPS).mean(axis=1), 1, mode="edge")
    smooth: np.ndarray = np.convolve(frames, (0.25, 0.5, 0.25), "valid")
    return smooth
