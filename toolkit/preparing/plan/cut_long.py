"""``--cut-sources``: a long video is several pieces of work (docs/decisions/long-files.md)."""

from collections.abc import Iterator
from dataclasses import replace

from speechlip.preparing.plan.planned_source import PlannedSource
from speechlip.timing import FPS, frames


def in_parts(entry: PlannedSource, longest_s: float) -> Iterator[PlannedSource]:
    """What is planned of a source, in the fewest parts of at most ``longest_s`` seconds, as equal as whole
    frames allow; whole where ``longest_s`` is 0.
    """
    first, stop = entry.first_frame, entry.stop_frame
    n_frames = (round(entry.seconds * FPS) if stop is None else stop) - first
    count = -(-n_frames // frames(longest_s)) if longest_s else 1
    if count <= 1:
        yield entry
        return
    starts = [first + n_frames * part // count for part in range(count)]
    for start, following in zip(starts, [*starts[1:], stop], strict=True):
        yield replace(entry, first_frame=start, stop_frame=following)
