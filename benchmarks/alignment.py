"""Write docs/alignment.md: how well click and flash come out together, for every container, codec and rate.

    python benchmarks/alignment.py

Exit code 1 where a combination is off by more than LIMIT_MS and is not known to be lost by its container.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from textwrap import fill

import av
import numpy as np

from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.media.source_frames import display_spans
from speechlip.media.streams.opening import open_local
from speechlip.media.streams.packets import stamped_frames
from speechlip.timing import SAMPLES_PER_FRAME

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "media"))  # the clips are those of the tests

from flash_click import CASES, Recording, click_errors_ms, frames_of, measure, write  # noqa: E402

CONTAINERS = ("mp4", "mov", "mkv", "webm", "avi")
CODECS = {"aac": "aac", "mp3": "libmp3lame", "opus": "libopus", "pcm": "pcm_s16le", "flac": "flac"}
SAMPLE_RATES = (16000, 44100, 48000)
FRAME_RATES = {
    "24": "24",
    "25": "25",
    "29.97": "30000/1001",
    "30": "30",
    "50": "50",
    "60": "60",
    "variable": "variable",
}
LIMIT_MS = 2.0
LOST = {
    ("avi", "aac"): "1024 samples of priming",
    ("avi", "mp3"): "1105 samples (LAME's delay 576, the decoder's 529)",
}
PAGE = """# Alignment, measured

Written by `python benchmarks/alignment.py` (PyAV {pyav}, FFmpeg {ffmpeg}); do not edit. Every clip holds
three white frames of one source frame each and three 10 ms chirps that begin with them, at different phases
against the 40 ms grid. A cell is **the worst click's lateness in ms / how many frames of 40 ms the flash lies
from those at whose centre it is on display**. Wanted: at most {limit} ms, and 0.

## Containers, codecs, rates

{aligned}

## Lost by the container

AVI has no field for the delay of an audio encoder, nor for the time at which a frame is shown: a reader
cannot tell these files from files without delay, so nothing is subtracted. FFmpeg's AVI writer makes room for
the delay by showing the first image longer, by whole source frames, so that the video is late too. A cell is
**lateness of the audio, ms / of the video, ms → of the audio against the video, ms**.

{lost}

## Everything else

{cases}

## Joined

The same clip twice, its bytes laid end to end, so that stamps start again in the middle: clicks and flashes
of both, the second beginning where the last image of the first ends
([decision](decisions/jumping-stamps.md)).

{joined}

## Not carried

{missing}
"""
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
JOINED = {
    "transport stream": Recording("ts"),
    "transport stream, 30": Recording("ts", rate="30"),
    "transport stream, its audio 0.4 s longer than its video": Recording("ts", audio_duration_s=Fraction(3)),
    "program stream": Recording("mpg", audio_codec="mp2"),
    "mkv": Recording("mkv"),
    "webm": Recording("webm", audio_codec="libopus", audio_rate_hz=48000),
    "fragmented mp4": Recording(container_options=FRAGMENTS),
}


@dataclass(frozen=True)
class Row:
    """One clip.

    late_ms: worst lateness of a click.
    frames_off: largest distance of a white frame from where it belongs.
    image_late_ms: worst lateness of a white source frame.
    """

    late_ms: float
    frames_off: int
    image_late_ms: float

    @property
    def aligned(self) -> bool:
        return abs(self.late_ms) <= LIMIT_MS and self.frames_off == 0

    def __str__(self) -> str:
        if self.aligned:
            return f"{round(self.late_ms, 2) + 0:.2f} / {self.frames_off}"
        return f"{self.late_ms:.1f} / {self.image_late_ms:.1f} → {self.late_ms - self.image_late_ms:+.1f}"


def main() -> int:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    rows = {
        (c, a, hz, fps): measured(recording(c, a, hz, fps))
        for c in CONTAINERS
        for a in CODECS
        for hz in SAMPLE_RATES
        for fps in FRAME_RATES
    }
    cases = {name: measured(case) for name, case in CASES.items()}
    joined = {name: measured_twice(clip) for name, clip in JOINED.items()}
    (ROOT / "docs" / "alignment.md").write_text(page(rows, cases, joined), encoding="utf-8")
    wrong = [
        key
        for key, row in {**rows, **cases, **joined}.items()
        if row and not row.aligned and key[:2] not in LOST
    ]
    print(
        f"{sum(row is not None for row in rows.values()) + len(cases) + len(joined)} clips, "
        f"{len(wrong)} wrong {wrong or ''}→ docs/alignment.md"
    )
    return 1 if wrong else 0


def recording(container: str, codec: str, sample_rate_hz: int, fps: str) -> Recording:
    return Recording(container, FRAME_RATES[fps], CODECS[codec], sample_rate_hz)


def measured(clip: Recording) -> Row | None:
    """None where the container does not carry the codec at that rate."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{clip.extension}"
        try:
            write(path, clip)
        except (av.FFmpegError, ValueError):
            return None
        found, image_late_ms = measure(path, clip), flash_late_ms(path, clip)
    wanted = clip.bright_frames()
    off = [min(abs(i - j) for j in wanted) for i in found.white] + [
        min((abs(i - j) for j in found.white), default=99) for i in wanted
    ]
    return Row(max(found.click_errors_ms, key=abs), max(off), image_late_ms)


def measured_twice(clip: Recording) -> Row:
    """The clip joined to itself."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{clip.extension}"
        write(path, clip)
        path.write_bytes(2 * path.read_bytes())
        white, audio = [], []
        for frame in read_frames(path, probe(path)):
            white += [frame.index] if frame.image is not None and frame.image.rgb().mean() > 128 else []
            audio.append(np.zeros(SAMPLES_PER_FRAME, np.int16) if frame.samples is None else frame.samples)
    starts, stamps = (Fraction(0), clip.stamps()[-1]), clip.stamps()
    wanted = [
        i
        for start in starts
        for k in clip.events()
        for i in frames_of(start + stamps[k], start + stamps[k + 1])
    ]
    errors_ms = click_errors_ms(
        np.concatenate(audio), [float(start) + click for start in starts for click in clip.clicks_s()]
    )
    off = [
        min((abs(i - j) for j in there), default=99)
        for here, there in ((white, wanted), (wanted, white))
        for i in here
    ]
    return Row(max(errors_ms, key=abs), max(off), 0.0)


def flash_late_ms(path: Path, clip: Recording) -> float:
    """Worst lateness of the white source frames themselves, before any is chosen for a frame of 40 ms."""
    info, tally = probe(path), Counter[str]()
    with open_local(path) as container:
        stamped = (
            (stamp, Fraction(1), frame)
            for stamp, frame in stamped_frames(container, container.streams.video[0], tally)
        )
        spans = display_spans(stamped, Fraction(info.video_start_s), tally)
        white = [float(start) for start, _, frame in spans if frame.to_ndarray(format="gray").mean() > 128]
    return max(
        (1000 * (found - wanted) for found, wanted in zip(white, clip.clicks_s(), strict=True)), key=abs
    )


def page(
    rows: dict[tuple[str, str, int, str], Row | None], cases: dict[str, Row | None], joined: dict[str, Row]
) -> str:
    kinds = list(dict.fromkeys(key[:3] for key in rows))
    carried = [kind for kind in kinds if all(rows[(*kind, fps)] for fps in FRAME_RATES)]
    return PAGE.format(
        pyav=av.__version__,
        ffmpeg=av.ffmpeg_version_info,
        limit=LIMIT_MS,
        aligned=table(rows, [kind for kind in carried if kind[:2] not in LOST]),
        lost="\n".join(f"- {c} with {a}: {what}" for (c, a), what in LOST.items())
        + "\n\n"
        + table(rows, [k for k in carried if k[:2] in LOST]),
        cases=listed(cases),
        joined=listed(joined),
        missing=fill("; ".join(missing([kind for kind in kinds if kind not in carried])), 110),
    )


def listed(cases: Mapping[str, Row | None]) -> str:
    return "| clip | late ms / frames off |\n|---|---|\n" + "\n".join(
        f"| {name} | {row} |" for name, row in cases.items()
    )


def missing(kinds: list[tuple[str, str, int]]) -> Iterator[str]:
    for (container, codec), group in groupby(kinds, key=lambda kind: kind[:2]):
        rates = [hz for *_, hz in group]
        yield f"{container} {codec}" + (
            "" if len(rates) == len(SAMPLE_RATES) else f" at {' and '.join(map(str, rates))} Hz"
        )


def table(rows: dict[tuple[str, str, int, str], Row | None], kinds: list[tuple[str, str, int]]) -> str:
    head = (
        f"| container | audio | Hz | {' | '.join(FRAME_RATES)} |\n|---|---|---|{'---|' * len(FRAME_RATES)}\n"
    )
    return head + "\n".join(
        f"| {c} | {a} | {hz} | " + " | ".join(str(rows[(c, a, hz, fps)]) for fps in FRAME_RATES) + " |"
        for c, a, hz in kinds
    )


if __name__ == "__main__":
    sys.exit(main())
