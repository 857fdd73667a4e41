"""Offset accuracy: how often a measured audio-video offset is the true one.

Goal: from one measured offset per clip, the share that is exact, and right within one frame.
Conventions: offsets in frames at 25 fps, > 0 where the audio is early, within ±V. Shares in [0, 1], higher is
better, with the chance of a guess among 2V + 1 shifts.
Source: the 31 shifts are SyncNet's ±15 (``lse.MAX_SHIFT``). Function: offset_accuracy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechlip.metrics.sync.lse import MAX_SHIFT


@dataclass(frozen=True)
class OffsetAccuracy:
    """How often offsets are right.

    exact: share of clips whose offset is the true one
    within_one: share of clips whose offset is at most one frame off
    chance_exact: of a guess among the shifts
    chance_within_one: of a guess among the shifts
    shifts: how many there are to guess from
    clips: how many were measured
    """

    exact: float
    within_one: float
    chance_exact: float
    chance_within_one: float
    shifts: int
    clips: int


def offset_accuracy(
    measured: Sequence[int], true: Sequence[int] | int = 0, max_shift: int = MAX_SHIFT
) -> OffsetAccuracy:
    """How often the measured offset is the true one, at 0 and within ±1 frame, among 2V + 1 = 31 shifts.

    measured, true: offsets in frames, one per clip (or one for all).
    Raises ValueError for no clips, or an offset beyond ±V.

    >>> accuracy = offset_accuracy([0, 0, -1, 7])
    >>> accuracy.exact, accuracy.within_one, round(accuracy.chance_within_one, 3), accuracy.shifts
    (0.5, 0.75, 0.097, 31)
    """
    offsets = np.asarray(measured, int)
    wanted = np.broadcast_to(np.asarray(true, int), offsets.shape)
    if not len(offsets) or max(np.abs(offsets).max(), np.abs(wanted).max()) > max_shift:
        raise ValueError(
            f"at least one offset is wanted, all within ±{max_shift} frames, "
            f"got {offsets.tolist()} for {wanted.tolist()}"
        )
    error, shifts = np.abs(offsets - wanted), 2 * max_shift + 1
    return OffsetAccuracy(
        exact=float((error == 0).mean()),
        within_one=float((error <= 1).mean()),
        chance_exact=1 / shifts,
        chance_within_one=3 / shifts,
        shifts=shifts,
        clips=len(offsets),
    )
