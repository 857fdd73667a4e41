"""Videos with single header fields changed, by container; a seed and a number make the same file again."""

import io
from fractions import Fraction

import av
import numpy as np

CONTAINERS = {
    "mp4": ("mp4", "libx264", "aac", {}),
    "fragmented": ("mp4", "libx264", "aac", {"movflags": "frag_keyframe+empty_moov"}),
    "mov": ("mov", "mpeg4", "pcm_s16le", {}),
    "avi": ("avi", "mpeg4", "mp3", {}),
    "mkv": ("matroska", "libx264", "aac", {}),
    "webm": ("webm", "libvpx", "libopus", {}),
    "ts": ("mpegts", "libx264", "aac", {}),
}
SECONDS = 1.6
EXTREMES = (
    0,
    1,
    2,
    0x7F,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    0x7FFFFFFFFFFFFFFF,
    0xFFFFFFFFFFFFFFFF,
)
BOXES_WITH_BOXES = (
    b"moov",
    b"trak",
    b"mdia",
    b"minf",
    b"stbl",
    b"edts",
    b"dinf",
    b"mvex",
    b"moof",
    b"traf",
    b"udta",
)
CLUSTER, CUES = b"\x1f\x43\xb6\x75", b"\x1c\x53\xbb\x6b"


def small_video(kind):
    """The bytes of 40 frames of 64×48 at 25 fps with a tone."""
    container_format, video_codec, audio_codec, options = CONTAINERS[kind]
    rate, file = 48000, io.BytesIO()
    with av.open(file, "w", format=container_format, options=options) as out:
        video = out.add_stream(
            video_codec, rate=25, options={"threads": "1", "g": "10", "deadline": "realtime"}
        )
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = out.add_stream(audio_codec, rate=rate, layout="mono")
        for index in range(round(SECONDS * 25)):
            image = np.full((48, 64, 3), 90, np.uint8)
            image[10:40, 10 + index % 8 : 50] = 160
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode())
        tone = (8000 * np.sin(np.arange(round(SECONDS * rate)) * 0.06)).astype(np.int16)
        for start in range(0, len(tone), 960):
            block = av.AudioFrame.from_ndarray(tone[None, start : start + 960], format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = rate, start, Fraction(1, rate)
            out.mux(audio.encode(block))
        out.mux(audio.encode())
    return file.getvalue()


def header_spans(data, kind):
    """(start, end) of every stretch of the file that is header, neither video nor audio."""
    if kind in ("mp4", "fragmented", "mov"):
        return list(_boxes(data, 0, len(data)))
    if kind == "avi":
        return list(_chunks(data, 12, len(data)))
    if kind in ("mkv", "webm"):
        clusters = list(_found(data, CLUSTER))
        cues = data.find(CUES)
        spans = [(0, clusters[0]), *((start, start + 24) for start in clusters)]
        return spans + ([(cues, len(data))] if cues > 0 else [])
    return [span for start in range(0, len(data) - 187, 188) for span in _packet(data, start)]


def mutant(data, kind, seed, number):
    """The ``number``-th changed file: one to three fields of its headers are another number, or one bit."""
    rng = np.random.default_rng((seed, number))
    changed, spans = bytearray(data), header_spans(data, kind)
    for _ in range(int(rng.integers(1, 4))):
        start, end = spans[int(rng.integers(len(spans)))]
        at = int(rng.integers(start, end))
        if rng.random() < 0.4:
            changed[at] ^= 1 << int(rng.integers(8))
            continue
        width = int(rng.choice((1, 2, 4, 8)))
        value = EXTREMES[int(rng.integers(len(EXTREMES)))] if rng.random() < 0.7 else int(rng.integers(2**62))
        stored = (value % 2 ** (8 * width)).to_bytes(width, "little" if kind == "avi" else "big")
        changed[at : at + width] = stored[: len(changed) - at]
    return bytes(changed)


def _boxes(data, start, end):
    """Of MP4 and MOV: sizes and types of boxes, and contents of boxes that hold neither media nor boxes."""
    while start + 8 <= end:
        size, name = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        stop = min(end, start + max(size, 8))
        yield start, start + 8
        if name in BOXES_WITH_BOXES:
            yield from _boxes(data, start + 8, stop)
        elif name not in (b"mdat", b"free") and stop > start + 8:
            yield start + 8, stop
        start = stop


def _chunks(data, start, end):
    """Of AVI: the same with chunks; of the media only the chunks' names and sizes."""
    while start + 8 <= end:
        name, size = data[start : start + 4], int.from_bytes(data[start + 4 : start + 8], "little")
        stop = min(end, start + 8 + size + size % 2)
        yield start, start + 8
        if name == b"LIST":
            yield from _chunks(data, start + 12, stop)
        elif name in (b"avih", b"strh", b"strf", b"idx1", b"indx", b"vprp") and size:
            yield start + 8, stop
        start = stop


def _packet(data, start):
    """Of a transport packet: header with adaptation field; whole tables; PES headers of video and audio."""
    body = start + 4 + (1 + data[start + 4] if data[start + 3] & 0x20 else 0)
    yield start, min(body, start + 188)
    if data[start + 1] & 0x40 and body < start + 160:
        yield body, body + 24


def _found(data, mark):
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 4)
