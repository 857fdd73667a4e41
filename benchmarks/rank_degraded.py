"""Does score-sync rank degraded copies as anyone would? Real clips against themselves, re-encoded, blurred,
and with frames that come late.

    python benchmarks/rank_degraded.py CLIPS [--seconds 4] [--metrics lmd,psnr,ssim,cpbd] [--sync-model RUN]
    [-o work/]

The first seconds of every clip are the reference. Prints the mean of every metric over the clips, and in how
many clips a copy is worse than the one before it in the ladder of a metric. LSE and LPIPS need their weights
(speechlip models).
"""

import argparse
import csv
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import av
import numpy as np

from speechlip.recipes.folder import videos

Images = Iterator[np.ndarray]
BEST_CRF = 14
LATE_FRAMES = 4
LADDERS = {
    "psnr": ("same", "crf 35", "blur 5"),
    "ssim": ("same", "crf 35", "blur 5"),
    "cpbd": ("same", "crf 35", "blur 2"),
    "lmd": ("same", "crf 35", "late 4"),
}
FALLS = ("psnr", "ssim", "cpbd")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--metrics", default="lmd,psnr,ssim,cpbd")
    parser.add_argument("--sync-model", default="")
    parser.add_argument("-o", "--out", type=Path, default=Path("work"))
    given = parser.parse_args()
    clips = videos(given.clips)
    for name, (degrade, crf) in COPIES.items():
        for clip in clips:
            write_copy(clip, given.out / name / f"{clip.stem}.mp4", degrade, crf, given.seconds)
    scores = {name: score(given.out, name, given.metrics, given.sync_model) for name in COPIES}
    columns = [
        name
        for name in ("lmd", "psnr", "ssim", "lpips", "cpbd", "sync_confidence", "offset_frames")
        if any_value(scores, name)
    ]
    print(
        f"{len(clips)} clips, the first {given.seconds:g} s of each\n\n"
        f"| copy | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}"
    )
    for name, rows in scores.items():
        print(f"| {name} | {' | '.join(f'{fmean(of(rows, column)):.3f}' for column in columns)} |")
    print()
    for metric, ladder in LADDERS.items():
        if metric in columns:
            print(f"{metric}: {in_order(scores, metric, ladder)} in the order {' > '.join(ladder)}")


def kept(images: Images) -> Images:
    return images


def blurred(sigma: float) -> Callable[[Images], Images]:
    from cv2 import GaussianBlur

    return lambda images: (GaussianBlur(image, (0, 0), sigma) for image in images)


def late(images: Images) -> Images:
    """Every image ``LATE_FRAMES`` after its time; the first one stands until then."""
    waiting: list[np.ndarray] = []
    for image in images:
        waiting = waiting or [image] * LATE_FRAMES
        yield waiting.pop(0)
        waiting.append(image)


COPIES = {
    "same": (kept, BEST_CRF),
    "crf 35": (kept, 35),
    "blur 2": (blurred(2), BEST_CRF),
    "blur 5": (blurred(5), BEST_CRF),
    "late 4": (late, BEST_CRF),
}


def write_copy(
    clip: Path, path: Path, degrade: Callable[[Images], Images], crf: int, length_s: float
) -> None:
    """The beginning of ``clip`` with other images and the same audio packets."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        shown = source.streams.video[0]
        out = target.add_stream(
            "libx264", rate=shown.average_rate, options={"crf": str(crf), "preset": "veryfast"}
        )
        out.width, out.height, out.pix_fmt = shown.width // 2 * 2, shown.height // 2 * 2, "yuv420p"
        audio = target.add_stream_from_template(source.streams.audio[0]) if source.streams.audio else None
        for number, image in enumerate(degrade(first_images(clip, length_s))):
            frame = av.VideoFrame.from_ndarray(image[: out.height, : out.width], format="rgb24")
            frame.pts, frame.time_base = number, 1 / shown.average_rate
            target.mux(out.encode(frame))
        target.mux(out.encode(None))
        for packet in source.demux(source.streams.audio[0]) if audio else ():
            if packet.dts is not None and packet.pts * packet.time_base < length_s:
                packet.stream = audio
                target.mux(packet)


def first_images(clip: Path, length_s: float) -> Images:
    with av.open(str(clip)) as source:
        for number, frame in enumerate(source.decode(video=0)):
            if number >= length_s * source.streams.video[0].average_rate:
                return
            yield frame.to_ndarray(format="rgb24")


def score(out: Path, name: str, metrics: str, sync_model: str) -> list[dict[str, str]]:
    """Rows of score-sync for one kind of copy against the copies called ``same``."""
    scores = out / "scores" / name
    command = [
        Path(sys.executable).with_name("score-sync"),
        out / name,
        "--reference",
        out / "same",
        "--metrics",
        metrics,
        "-o",
        scores,
        "--quiet",
    ]
    done = subprocess.run(
        [*map(str, command), *(["--sync-model", sync_model] if sync_model else [])], check=False
    )
    if done.returncode not in (0, 3):
        raise SystemExit(done.returncode)
    with (scores / "scores.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if not row["track"]]


def of(rows: list[dict[str, str]], metric: str) -> list[float]:
    return [float(row[metric]) for row in rows if row.get(metric)]


def any_value(scores: dict[str, list[dict[str, str]]], metric: str) -> bool:
    return all(of(rows, metric) for rows in scores.values())


def in_order(scores: dict[str, list[dict[str, str]]], metric: str, ladder: tuple[str, ...]) -> str:
    """How many clips are in the order of the ladder."""
    sign = 1 if metric in FALLS else -1
    by_clip = [
        {row["clip"]: sign * float(row[metric]) for row in scores[name] if row.get(metric)} for name in ladder
    ]
    shared = set(by_clip[0]).intersection(*by_clip[1:])
    right = sum(all(better[clip] > worse[clip] for better, worse in pairwise(by_clip)) for clip in shared)
    return f"{right} of {len(shared)} clips"


if __name__ == "__main__":
    main()
