"""Blocks of 64×64 px, whole ones only, from the top left of an image. Functions: strip, per_block."""

import numpy as np

BLOCK_PX = 64


def strip(image: np.ndarray, top: int, reach: int) -> np.ndarray:
    """The 64 rows from ``top`` on and ``reach`` more on either side, as far as the image goes, not copied.

    What is computed of it without its ``reach`` outermost pixels are the block's own pixels, less those that
    lie as close to the image's border.
    """
    return image[max(0, top - reach) : top + BLOCK_PX + reach]


def per_block(inner: np.ndarray, reach: int) -> np.ndarray:
    """How many pixels of each block of a row are True: (≤ 64, W − 2 · reach) bool → (W // 64,) int.

    >>> per_block(np.ones((63, 128), bool), 1)  # without the image's first row, first and last column
    array([3969, 4032])
    """
    columns = np.pad(np.add.reduce(inner.view(np.uint8), axis=0, dtype=np.uint8), reach)
    blocks = len(columns) // BLOCK_PX
    return columns[: blocks * BLOCK_PX].reshape(blocks, BLOCK_PX).sum(axis=1, dtype=int)
