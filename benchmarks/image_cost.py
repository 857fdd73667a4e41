"""What a displayed image costs after decoding, by kind; and how far an HDR file is from the same in SDR.

    python benchmarks/image_cost.py VIDEO [--hdr HDR --sdr SDR]

The first second of VIDEO are brought to 1080 × 1920 and written as each kind, 10 bits by x265 at 20 Mbit/s, 8
bits by x264. Prints CPU milliseconds per image in one thread, the least of three readings: decoding alone,
and turning what was decoded into RGB. With --hdr and --sdr: the mean absolute difference of their images and
the PSNR, read as HDR and read as if the tags were not there.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.media.source_frames import read_images

WIDTH, HEIGHT, SECONDS, READINGS = 1080, 1920, 1, 3


@dataclass(frozen=True)
class Kind:
    """How a file is written; transfer 18: HLG, 16: PQ; primaries and matrix 9: BT.2020."""

    encoder: str = "libx264"
    pixels: str = "yuv420p"
    aspect: Fraction = Fraction(1)
    primaries: int = 2
    transfer: int = 2
    matrix: int = 2


KINDS = {
    "8 bit": Kind(),
    "8 bit, pixels 4:3": Kind(aspect=Fraction(4, 3)),
    "10 bit": Kind("libx265", "yuv420p10le"),
    "10 bit, HLG": Kind("libx265", "yuv420p10le", Fraction(1), 9, 18, 9),
    "10 bit, PQ": Kind("libx265", "yuv420p10le", Fraction(1), 9, 16, 9),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path)
    parser.add_argument("--hdr", type=Path)
    parser.add_argument("--sdr", type=Path)
    given = parser.parse_args()
    print(f"| {WIDTH} × {HEIGHT} | decoding, ms an image | to RGB as displayed, ms an image |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, kind in KINDS.items():
            path = write(Path(folder) / "clip.mkv", kind, frames_of(given.video))
            cost = min(cost_ms(path) for _ in range(READINGS))
            print(f"| {name} | {cost[0]:.1f} | {cost[1]:.1f} |", flush=True)
    if given.hdr and given.sdr:
        print(
            f"\nHDR against SDR: {difference(given.hdr, given.sdr, False)}; "
            f"tags ignored: {difference(given.hdr, given.sdr, True)}"
        )


def frames_of(video: Path) -> Iterator[av.VideoFrame]:
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time > SECONDS:
                return
            yield frame


def write(path: Path, kind: Kind, frames: Iterator[av.VideoFrame]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            kind.encoder, rate=25, options={"preset": "ultrafast", "x265-params": "log-level=none"}
        )
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, kind.pixels, 20_000_000
        context = stream.codec_context
        context.sample_aspect_ratio = kind.aspect
        context.color_primaries, context.color_trc, context.colorspace = (
            kind.primaries,
            kind.transfer,
            kind.matrix,
        )
        for index, frame in enumerate(frames):
            scaled = frame.reformat(WIDTH, HEIGHT, kind.pixels)
            scaled.color_primaries, scaled.color_trc, scaled.colorspace = (
                kind.primaries,
                kind.transfer,
                kind.matrix,
            )
            scaled.pts, scaled.time_base, scaled.pict_type = index, Fraction(1, 25), 0
            container.mux(stream.encode(scaled))
        container.mux(stream.encode())
    return path


def cost_ms(path: Path) -> tuple[float, float]:
    """CPU time an image: decoding, painting.

    The first is left out: a table of colours is made with it, half a second once in a process.
    """
    info = probe(path, need_audio=False)
    decoding = painting = count = 0
    shown = read_images(path, info, 1, Counter())
    next(shown).rgb()
    while True:
        begin = time.process_time()
        image = next(shown, None)
        middle = time.process_time()
        if image is None:
            return 1000 * decoding / count, 1000 * painting / count
        image.rgb()
        decoding, painting, count = (
            decoding + middle - begin,
            painting + time.process_time() - middle,
            count + 1,
        )


def difference(hdr: Path, sdr: Path, without_tags: bool) -> str:
    total = squares = count = 0.0
    for one, other in zip(
        read_frames(hdr, probe(hdr, False)), read_frames(sdr, probe(sdr, False)), strict=False
    ):
        if without_tags:
            one.image.frame.color_trc = one.image.frame.color_primaries = 2
        off = one.image.rgb().astype(float) - other.image.rgb()
        total, squares, count = total + np.abs(off).mean(), squares + (off**2).mean(), count + 1
    return f"{total / count:.1f} of 255, {10 * np.log10(255**2 * count / squares):.1f} dB"


if __name__ == "__main__":
    main()
