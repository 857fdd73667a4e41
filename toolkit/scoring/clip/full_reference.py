"""Render against reference, moment by moment: LMD from landmarks, and PSNR, SSIM, LPIPS (and CPBD of the render alone) from pictures.

Both files are read at 25 moments a second by presentation time, each from its own first picture on, so that a frame is compared with what the
reference shows at the same time whatever the two frame rates are. Lengths may differ by ``LENGTH_TOLERANCE_FRAMES``; the frames that both have are
compared and counted. Pictures of different size are not compared: scaling one would be measured as well. Landmarks are, where the shapes agree:
the reference's are brought to the render's size, so that ``lmd`` is in pixels of the render.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.media.frames import read_frames
from speechlip.media.info import MediaInfo
from speechlip.metrics import table
from speechlip.metrics.declared import FRAME, NotScored
from speechlip.metrics.lmd import LandmarkScore, landmark_score
from speechlip.metrics.regions import Box, cut
from speechlip.timing import seconds

LENGTH_TOLERANCE_FRAMES = 5
"""0.2 s: what generators drop at the end for want of a whole window of sound (Wav2Lip reads 16 mel columns, 0.2 s, per frame)."""
ASPECT_TOLERANCE = 0.01
PAIRED = ("psnr", "ssim", "lpips")
Pictures = tuple[int, np.ndarray, np.ndarray | None]
"""Number of the moment, render, reference (None where there is no reference): (H, W, 3) uint8 RGB."""


@dataclass
class ImageScores:
    """Means over the frames compared, by metric; problems: metric → why it has no value. frames: pictures compared (or, for CPBD, looked at)."""

    values: dict[str, float] = field(default_factory=dict)
    problems: dict[str, NotScored] = field(default_factory=dict)
    frames: int = 0


def check_lengths(render: int, reference: int) -> None:
    """Raise NotScored where the two lengths, in frames, differ by more than the tolerance."""
    if abs(render - reference) > LENGTH_TOLERANCE_FRAMES:
        raise NotScored(
            "length mismatch",
            f"render {render} frames ({seconds(render):.2f} s), reference {reference} ({seconds(reference):.2f} s); "
            f"{LENGTH_TOLERANCE_FRAMES} frames apart are allowed",
        )


def check_sizes(render: MediaInfo, reference: MediaInfo) -> None:
    """Raise NotScored where the pictures are not of one size."""
    if (render.width, render.height) != (reference.width, reference.height):
        raise NotScored(
            "different sizes",
            f"render {_size(render)}, reference {_size(reference)}: scale the reference to the render yourself",
        )


def scale_to_render(render: MediaInfo, reference: MediaInfo) -> float:
    """The factor that brings the reference's pixels to the render's. Raises NotScored where the two have other proportions."""
    across, down = render.width / reference.width, render.height / reference.height
    if abs(across / down - 1) > ASPECT_TOLERANCE:
        raise NotScored(
            "different proportions",
            f"render {_size(render)}, reference {_size(reference)}: not the same part of the picture",
        )
    return (across + down) / 2


def landmark_distance(render: np.ndarray | None, reference: np.ndarray | None, scale: float) -> LandmarkScore:
    """LMD over the frames that both have: (T, 68, 2) px of each, NaN where no face was seen. scale: from ``scale_to_render``.

    Raises NotScored: ``no landmarks`` (the detector gives boxes only), ``no face``, ``length mismatch``.
    """
    if render is None or reference is None:
        raise NotScored(
            "no landmarks",
            "the detector gives boxes only; take --detector mediapipe, or put .landmarks.npz beside both videos",
        )
    check_lengths(len(render), len(reference))
    both = min(len(render), len(reference))
    score = landmark_score(render[:both], reference[:both] * np.float32(scale))
    if not score.frames_compared:
        raise NotScored("no face", f"in none of {both} frames was a face found in both render and reference")
    return score


def compare_pictures(
    pictures: Iterator[Pictures],
    metrics: tuple[str, ...],
    boxes: list[Box | None] | None,
    lpips_model: Any,
    look_on: Callable[[int, np.ndarray, np.ndarray | None], None],
) -> ImageScores:
    """Mean of every metric over pairs of pictures; CPBD needs no reference.

    boxes: where to look in each frame, None in a frame without a face (left out); None: the whole picture. look_on sees every whole pair.
    """
    scores = ImageScores()
    sums = dict.fromkeys(metrics, 0.0)
    for index, render, reference in pictures:
        look_on(index, render, reference)
        box = boxes[index] if boxes is not None and index < len(boxes) else None
        if boxes is not None and box is None:
            continue
        for metric in list(sums):
            try:
                sums[metric] += _one(
                    metric, cut(render, box), None if reference is None else cut(reference, box), lpips_model
                )
            except NotScored as problem:
                scores.problems[metric] = problem
                del sums[metric]
        scores.frames += 1
    for metric, total in sums.items():
        if scores.frames:
            scores.values[metric] = total / scores.frames
        else:
            scores.problems[metric] = NotScored("no face", "no frame has the region that is asked for")
    return scores


def side_by_side(
    render: Path,
    render_info: MediaInfo,
    reference: Path | None,
    reference_info: MediaInfo | None,
    advance: Callable[[float], None],
) -> Iterator[Pictures]:
    """Pictures of both at the same times, as long as both go on. A moment without a picture shows the one before, if there was one."""
    with ExitStack() as files:
        first = files.enter_context(closing(_pictures(render, render_info)))
        second = (
            files.enter_context(closing(_pictures(reference, reference_info)))
            if reference and reference_info
            else repeat(None)
        )
        for index, (shown, other) in enumerate(zip(first, second, strict=False)):
            advance(1)
            if shown is not None and (other is not None or reference is None):
                yield index, shown, other


def _pictures(path: Path, info: MediaInfo) -> Generator[np.ndarray | None]:
    shown = None
    with closing(read_frames(path, info)) as reading:
        for moment in reading:
            shown = moment.image.rgb() if moment.image is not None else shown
            yield shown


def _one(name: str, render: np.ndarray, reference: np.ndarray | None, lpips_model: Any) -> float:
    metric = table.metric(name)
    network = (lpips_model,) if metric.network else ()
    if metric.per == FRAME:
        return metric.compute(*network, render)
    if reference is None:
        raise NotScored("no reference")
    if render.shape != reference.shape:
        across = [f"{image.shape[1]}×{image.shape[0]}" for image in (render, reference)]
        raise NotScored(
            "different sizes",
            f"the picture changes its size: render {across[0]} where the reference is {across[1]}",
        )
    return metric.compute(*network, render, reference)


def _size(info: MediaInfo) -> str:
    return f"{info.width}×{info.height}"
