"""Images by decord, for those who have tuned it, within DECORD_LIMITS; audio is always PyAV's."""

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.errors import OptionError, SourceRefused, install
from speechlip.media.images.colours import colours_of
from speechlip.media.images.geometry import Geometries
from speechlip.media.info import MediaInfo
from speechlip.media.probe import limit_image_size
from speechlip.media.source_frames import display_spans, length_s, one_per_frame, require_stream, video_zero_s
from speechlip.media.streams.opening import open_local, video_stream
from speechlip.media.streams.packets import keeps_presentation_times, packets, stamp_s, stamped_frames

DECORD_LIMITS = (
    "decord shows the same pictures or refuses: it knows no edit list, no rotation or mirror, no "
    "pixels that are not square, no HDR, no size that changes and no jump of the stamps; it converts "
    "every frame to 8-bit RGB whether it is used or not, gives up at damage that PyAV steps over, and "
    "has had no release since 2021. Key frames (of VP9 and AV1 all frames) are decoded once more to "
    "see that nothing changes."
)
SAME_STAMP_S = 0.002  # decord's are in single precision: 0.2 ms after an hour
SIZED_ANYWHERE = ("vp9", "av1", "libdav1d", "libaom-av1")  # these may change their size at any frame


@dataclass(frozen=True)
class ArrayImage:
    """An image that is an array already, with the methods of ``DecodedImage``.

    pixels: (H, W, 3) uint8 RGB.
    """

    pixels: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.pixels.shape  # type: ignore[return-value]

    def rgb(self) -> np.ndarray:
        return self.pixels


def decord_images(
    path: Path, info: MediaInfo, threads: int, tally: Counter, first_frame: int = 0
) -> Generator[ArrayImage | None]:
    """What ``read_images`` yields, by decord and within DECORD_LIMITS.

    Raises OptionError where decord is not installed; SourceRefused (stage ``video``): decord cannot read it.
    """
    return _placed(_import_decord(), path, info, threads, tally)


def _placed(
    decord: Any, path: Path, info: MediaInfo, threads: int, tally: Counter
) -> Generator[ArrayImage | None]:
    if reason := why_not(path, info):
        raise _refused(reason)
    try:
        stamped = _stamped(decord.VideoReader(str(path.absolute()), num_threads=threads), path, info)
        for pixels in one_per_frame(display_spans(stamped, Fraction(0), tally), tally):
            yield None if pixels is None else ArrayImage(pixels)
    except (decord.DECORDError, RuntimeError) as error:
        raise _refused(str(error).splitlines()[0][:200]) from error


def _refused(reason: str) -> SourceRefused:
    return SourceRefused("video", "decord cannot read it", f"{reason}: use --decoder pyav")


def why_not(path: Path, info: MediaInfo) -> str:
    """What decord would show otherwise than the file says, as a sentence; empty where there is nothing."""
    if info.jumps:
        return "decord cannot join recordings whose stamps start again"
    if info.interlaced:
        return "decord reads the colours of interlaced pictures otherwise"
    if altered := [*info.stored.changes(), *([info.colours.change()] if info.colours.change() else [])]:
        return f"decord shows pictures as they are stored, and these need: {', '.join(altered)}"
    return (
        "decord scales every picture to the first one's size, and here it changes"
        if changes_within(path, info)
        else ""
    )


def changes_within(path: Path, info: MediaInfo) -> bool:
    """Whether size, pixel aspect, orientation or colours change; by key frames alone where only they can."""
    seen = set()
    with open_local(path) as container:
        stream = require_stream(video_stream(container))
        limit_image_size(stream, info.max_picture_px)
        geometries = Geometries(stream)
        if stream.codec_context.name not in SIZED_ANYWHERE:
            stream.codec_context.skip_frame = "NONKEY"
        for _, frame in stamped_frames(container, stream, Counter()):
            seen.add((geometries.of(frame), colours_of(frame)))
            if len(seen) > 1:
                return True
    return False


def _stamped(reader: Any, path: Path, info: MediaInfo) -> Iterator[tuple[Fraction, Fraction, np.ndarray]]:
    """decord's images at the stamps of the file.

    Raises SourceRefused where decord counts or places them otherwise.
    """
    spans, presented = _spans(path, info)
    told = [float(start) for start, _ in reader.get_frame_timestamp(range(len(reader))).tolist()]
    if len(told) != len(spans):
        raise _refused(f"decord counts {len(told)} pictures where the file shows {len(spans)}")
    apart = [abs(mine - theirs) for (mine, _), theirs in zip(spans, told, strict=True)]
    if presented and any(not gap <= SAME_STAMP_S for gap in apart):
        raise _refused("decord places pictures at other times than the file says")
    for start_s, length in spans:
        yield start_s, length, reader.next().asnumpy()


def _spans(path: Path, info: MediaInfo) -> tuple[list[tuple[Fraction, Fraction]], bool]:
    """(start, length) of every image in seconds after the first, and whether the starts are presentation
    times.

    They come from the packets; in AVI they are times of decoding.
    """
    with open_local(path) as container:
        stream = require_stream(video_stream(container))
        zero_s, presented = video_zero_s(stream.time_base, info), keeps_presentation_times(container)
        shown = (
            packet
            for packet in packets(container, stream, Counter(), ())
            if packet.size and not packet.is_discard
        )
        stamps = (
            (stamp_s(packet.pts if presented else packet.dts, stream), length_s(packet, info))
            for packet in shown
        )
        return sorted((stamp - zero_s, length) for stamp, length in stamps if stamp is not None), presented


def _import_decord() -> Any:
    try:
        import decord
    except ImportError as error:
        raise OptionError(
            f"decoder decord is not installed: {install('decord')}, or use --decoder pyav"
        ) from error
    return decord
