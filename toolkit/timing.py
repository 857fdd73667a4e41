"""The one clock: every length and rate that ties video to audio is derived here and nowhere else.

Video frame ``i`` of a clip covers samples ``[640 i, 640 (i + 1))`` and STFT frames ``[5 i, 5 (i + 1))``.

>>> SAMPLES_PER_FRAME, HOPS_PER_FRAME
(640, 5)
"""

from fractions import Fraction


def exact_div(numerator: int, denominator: int) -> int:
    """Divide two integers that must divide without remainder.

    Raises ValueError where they do not, so that no rate is ever rounded in silence.

    >>> exact_div(16000, 25)
    640
    """
    quotient, remainder = divmod(numerator, denominator)
    if remainder:
        raise ValueError(f"{numerator} is not a multiple of {denominator}")
    return quotient


FPS = 25
SAMPLE_RATE = 16_000
HOP = 128
N_FFT = 512
STFT_BINS = N_FFT // 2 + 1
SAMPLES_PER_FRAME = exact_div(SAMPLE_RATE, FPS)
HOPS_PER_FRAME = exact_div(SAMPLES_PER_FRAME, HOP)
FRAME_S = Fraction(1, FPS)


def seconds(n_frames: int) -> float:
    """Length of ``n_frames`` video frames in seconds.

    >>> seconds(50)
    2.0
    """
    return n_frames / FPS


def frames(duration_s: float) -> int:
    """Whole video frames that fit into ``duration_s`` seconds; 1 µs of rounding is forgiven.

    >>> frames(1.0), frames(0.99), frames(0.1 + 0.2)
    (25, 24, 7)
    """
    return int((duration_s + 1e-6) * FPS)
