"""Write docs/transcode-delay.md: what the published ffmpeg commands do to frames and audio.

    python benchmarks/transcode_delay.py [FFMPEG …]

Every FFMPEG is a binary that is really run; without one those that imageio-ffmpeg brings and that lie on
PATH. Exit code 1 where a frame stands elsewhere than the emulated generation has it, or the click is heard
more than LIMIT_MS from there.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from speechlip.media.probe import probe
from speechlip.scoring import protocols
from speechlip.scoring.sync.footage import read_audio
from speechlip.scoring.transcode.binary import Ffmpeg, find
from speechlip.scoring.transcode.codec_path import through
from speechlip.scoring.transcode.reading import transcode_images
from speechlip.scoring.transcode.times import video_delay_s
from speechlip.scoring.transcode.write import Transcode

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [
    str(ROOT / "tests" / "media"),
    str(ROOT / "tests" / "scoring"),
]  # the clips are those of the tests

from flash_click import click_errors_ms  # noqa: E402
from numbered_clips import binaries, number_of, write_numbered  # noqa: E402

FRAME_RATES = {
    "24": "24",
    "25": "25",
    "29.97": "30000/1001",
    "30": "30",
    "50": "50",
    "59.94": "60000/1001",
    "60": "60",
}
PHONE_MS = (33, 34, 50, 33, 17, 41, 67, 33)
SOURCES = [("mp4", rate) for rate in (16000, 44100, 48000)] + [
    ("mkv", 16000),
    ("avi", 48000),
    ("webm", 48000),
]
TRANSCODES = {"wav2lip": "Wav2Lip: AVI with MP3", "latentsync": "LatentSync: MP4 with AAC"}
DURATION_S = Fraction(4)
CLICKS_S = (1.0, 2.0, 3.0)
LIMIT_MS = 0.3
PAGE = """# What the published ffmpeg commands do to time, measured

Written by `python benchmarks/transcode_delay.py`; do not edit. The binaries
are {versions}.
Every source frame carries its number, so each is a flash of its own; three 10 ms chirps are the clicks.
The clips go through `ffmpeg -qscale:v 2 -async 1 -r 25`, then to JPEG files and 16 kHz audio, by the binary
named. A cell is **frames / audio / net**, ms: by how much later a source frame is first seen than its own
stamp (median over the frames), by how much later a click is heard, and their difference, which is what a
score sees; below 0 the audio is early. {verdict}

`variable` is a phone in dim light, 26 frames a second on average. What is behind the numbers:
[decision](decisions/mp3-in-avi.md).
"""


@dataclass(frozen=True)
class Cell:
    """What one binary did to one clip, ms. differ: frames that the emulated generation shows otherwise.
    emulated_ms: where it puts the click.
    """

    video_ms: float
    audio_ms: float
    differ: int
    emulated_ms: float

    def __str__(self) -> str:
        late = " / ".join(f"{round(value, 1) + 0.0:.1f}" for value in (self.video_ms, self.audio_ms))
        net = round(self.audio_ms - self.video_ms, 1)
        return f"{late} / {f'{net:+.1f}' if net else '0.0'}".replace("-", "−")


def measure(clip: Path, starts_s: list[Fraction], name: str, ffmpeg: Ffmpeg, folder: Path) -> Cell:
    """Run the transcode by the binary and by its generation's rules."""
    protocol, info = protocols.get(name), probe(clip)
    real = through(protocol, clip, info, clip, folder, ffmpeg)
    seen, heard = numbers(real), late_ms(real, clip)
    ours = through(protocol, clip, info, clip, folder, Ffmpeg(ffmpeg.generation))
    return Cell(
        1000 * video_delay_s(starts_s[k] for k in seen),
        heard,
        differing(seen, numbers(ours)),
        late_ms(ours, clip),
    )


def numbers(transcode: Transcode) -> list[int]:
    return [number_of(frame.image.rgb()) for frame in transcode_images(transcode) if frame.image is not None]


def late_ms(transcode: Transcode, clip: Path) -> float:
    audio = read_audio(transcode.audio_path, probe(clip), transcode.audio_zero_s, len(transcode.order))
    return float(np.mean(click_errors_ms(audio, CLICKS_S)))


def differing(seen: list[int], ours: list[int]) -> int:
    return sum(a != b for a, b in zip(seen, ours, strict=False)) + abs(len(seen) - len(ours))


def rows(ffmpegs: list[Ffmpeg], folder: Path) -> Iterator[tuple[str, str, int, str, list[Cell]]]:
    for container, rate_hz in SOURCES:
        for fps, rate in {**FRAME_RATES, "variable": "30"}.items():
            clip = folder / f"clip.{container}"
            if fps == "variable" and container == "avi":
                continue
            steps = PHONE_MS if fps == "variable" else ()
            starts_s = write_numbered(clip, rate, steps, DURATION_S, audio_rate_hz=rate_hz, clicks_s=CLICKS_S)
            for name in TRANSCODES:
                yield (
                    name,
                    container,
                    rate_hz,
                    fps,
                    [measure(clip, starts_s, name, ffmpeg, folder) for ffmpeg in ffmpegs],
                )
            print(container, rate_hz, fps, file=sys.stderr)


def page(ffmpegs: list[Ffmpeg], found: list[tuple[str, str, int, str, list[Cell]]]) -> str:
    cells = [cell for *_, row in found for cell in row]
    wrong = sum(cell.differ for cell in cells)
    worst_ms = max(abs(cell.audio_ms - cell.emulated_ms) for cell in cells)
    verdict = (
        f"In {len(cells)} transcodes the emulated generation shows {wrong or 'no'} frame{'s' * (wrong > 1)} "
        f"otherwise,\nand its click is at most {worst_ms:.2f} ms from the real one."
    )
    parts = [
        PAGE.format(versions=", ".join(f"ffmpeg {ffmpeg.version}" for ffmpeg in ffmpegs), verdict=verdict)
    ]
    for name, title in TRANSCODES.items():
        parts.append(f"## {title}\n")
        parts.append(
            "| source | audio, Hz | fps | " + " | ".join(ffmpeg.version for ffmpeg in ffmpegs) + " |"
        )
        parts.append("|---" * (3 + len(ffmpegs)) + "|")
        parts += [
            f"| {container} | {rate_hz} | {fps} | " + " | ".join(map(str, row)) + " |"
            for transcode, container, rate_hz, fps, row in found
            if transcode == name
        ]
        parts.append("")
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ffmpeg", nargs="*", help="binaries")
    given = parser.parse_args().ffmpeg
    ffmpegs = sorted(map(find, given or binaries().values()), key=lambda ffmpeg: ffmpeg.version)
    if not ffmpegs:
        print("no ffmpeg here: pip install imageio-ffmpeg, or name one", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        found = list(rows(ffmpegs, Path(folder)))
    (ROOT / "docs" / "transcode-delay.md").write_text(page(ffmpegs, found), encoding="utf-8")
    cells = [cell for *_, row in found for cell in row]
    return int(any(cell.differ or abs(cell.audio_ms - cell.emulated_ms) > LIMIT_MS for cell in cells))


if __name__ == "__main__":
    sys.exit(main())
