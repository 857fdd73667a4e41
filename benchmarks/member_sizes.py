"""Bytes per second of video by member, and what JPEG quality costs and gives.

    python benchmarks/member_sizes.py VIDEO_DIR [--detector landmarker]

Prepares VIDEO_DIR with lossless lips, then encodes the same crops at several JPEG qualities; PSNR is the mean
over clips, and the worst clip's.
"""

import argparse
import io
import tarfile
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from speechlip.commands.cli import prep_shards
from speechlip.shards.writer import JPEG_QUALITY

QUALITIES = (75, 85, 90, 92, 95, 97, 99)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path)
    parser.add_argument("--detector", default="auto")
    given = parser.parse_args()
    sizes: Counter[str] = Counter()
    psnr_db: dict[int, list[float]] = {quality: [] for quality in QUALITIES}
    strip_bytes: Counter[int] = Counter()
    frames = 0
    for member, content in members(given.videos, given.detector):
        sizes[member] += len(content)
        if member != "lips.png":
            continue
        strip = Image.open(io.BytesIO(content))
        frames += strip.height // strip.width
        for quality in QUALITIES:
            buffer = io.BytesIO()
            strip.save(buffer, "JPEG", quality=quality, subsampling=0)
            strip_bytes[quality] += buffer.tell()
            psnr_db[quality].append(psnr(np.asarray(strip), np.asarray(Image.open(buffer))))
    seconds = frames / 25
    print(f"{seconds:.0f} s of clips\n\n| member | kB per second |\n|---|---|")
    for member, size in sizes.most_common():
        print(f"| {member} | {size / seconds / 1000:.1f} |")
    print("\n| JPEG quality | kB per second | PSNR, mean | PSNR, worst clip |\n|---|---|---|---|")
    for quality in QUALITIES:
        mark = " (default)" if quality == JPEG_QUALITY else ""
        found = psnr_db[quality]
        print(
            f"| {quality}{mark} | {strip_bytes[quality] / seconds / 1000:.1f} | {np.mean(found):.1f} dB | "
            f"{min(found):.1f} dB |"
        )


def members(videos: Path, detector: str):
    """(extension, bytes) of every member of every sample."""
    with tempfile.TemporaryDirectory() as out:
        try:
            prep_shards(
                [
                    str(videos),
                    "-o",
                    f"{out}/shards",
                    "--detector",
                    detector,
                    "--lips-format",
                    "png",
                    "--quiet",
                ]
            )
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"prep-shards ended with {end.code}") from end
        for shard in sorted(Path(out, "shards", "data").glob("*.tar")):
            with tarfile.open(shard) as tar:
                for member in tar:
                    file = tar.extractfile(member)
                    if file:
                        yield member.name.partition(".")[2], file.read()


def psnr(exact: np.ndarray, coded: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((exact.astype(np.float32) - coded) ** 2)))


if __name__ == "__main__":
    main()
