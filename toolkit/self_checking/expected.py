"""The numbers that scoring gives of the synthetic clip, and how far from them an installation may be.

Tolerances. Threads and a processor without AVX move LSE by 2e-6 and the others by nothing; a level more or
less of 1 % of the pixel values (another release's rounding) moves LSE-D by 0.001, PSNR by 0.006 dB, SSIM by
0.0006, CPBD by 0.0007. These pass. Audio 10 ms late (LSE-D 0.04), red and blue exchanged (LSE-D 1.1, CPBD
0.017) and images a level darker (PSNR 0.06 dB) do not. docs/decisions/self-check.md has the table.
"""

from dataclasses import dataclass

IMAGES = ("av", "cv2", "numpy")
LSE = ("torch", *IMAGES)
MADE_WITH = "torch 2.14.1, av 18.1.0, cv2 5.0.0, numpy 2.4.6"
"""Versions that ``EXPECTED`` comes from, for whoever gets other numbers."""


@dataclass(frozen=True)
class Expected:
    """What a column of ``scores.csv`` should be.

    metric: the column.
    number: in the metric's unit.
    tolerance: the most that it may differ, in the same unit.
    libraries: modules that it is computed with, the likeliest cause of a difference first.
    """

    metric: str
    number: float
    tolerance: float
    libraries: tuple[str, ...]


EXPECTED = (
    Expected("lse_c", 2.28502, 0.005, LSE),
    Expected("lse_d", 19.76743, 0.005, LSE),
    Expected("lse_c_unpadded", 0.17873, 0.005, LSE),
    Expected("lse_d_unpadded", 19.44836, 0.005, LSE),
    Expected("lmd", 0.30796, 0.001, ("numpy", "av")),
    Expected("lmd_iod", 0.00442, 0.00002, ("numpy", "av")),
    Expected("psnr", 33.96364, 0.01, IMAGES),
    Expected("ssim", 0.99175, 0.001, IMAGES),
    Expected("cpbd", 0.57819, 0.003, IMAGES),
)
"""Every default metric that needs no download, in the order of every table. Not the offset, which seeded
weights cannot know."""
