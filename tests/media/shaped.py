"""Small silent videos whose pixels, sizes and matrices are chosen, and a file's real display matrix set to
any nine numbers.
"""

import shutil
import struct
import subprocess
from fractions import Fraction

import av
import numpy as np
import pytest

KINDS = {  # container → encoder, options
    "mp4": ("libx264", {"preset": "ultrafast", "crf": "10"}),
    "mkv": ("libx264", {"preset": "ultrafast", "crf": "10"}),
    "ts": ("mpeg2video", {"qmin": "2", "qmax": "4"}),
    "webm": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "b": "2M"}),
    "avi": ("mpeg4", {"qmin": "2", "qmax": "4"}),
}


def write_parts(path, parts, fps=25, kind=None, audio=None):
    """One video stream of several parts, each (frames (N, H, W, 3), pixel aspect): its encoder is another,
    the stream goes on.

    kind: whose encoder, the container's own where None; audio: (n,) int16 at 16 kHz, or None.
    """
    kind, options = KINDS[kind or path.suffix[1:]]
    with av.open(str(path), "w") as container:
        stream, shown = None, 0
        heard = container.add_stream("pcm_s16le", rate=16000, layout="mono") if audio is not None else None
        if heard is not None:
            block = av.AudioFrame.from_ndarray(audio[None], format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = 16000, 0, Fraction(1, 16000)
            sounding = heard.encode(block)
        for frames, aspect in parts:
            if stream is None:
                stream = encoder = container.add_stream(kind, rate=fps, options=options)
            else:
                encoder = av.CodecContext.create(kind, "w")
                encoder.options, encoder.framerate = options, fps
            encoder.time_base = Fraction(1, fps)
            height, width = frames[0].shape[:2]
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            (encoder if encoder is not stream else stream.codec_context).sample_aspect_ratio = Fraction(
                aspect
            )
            packets = []
            for image in frames:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image))
                frame.pts, frame.time_base = shown, Fraction(1, fps)
                packets += encoder.encode(frame)
                shown += 1
            for packet in [*packets, *encoder.encode()]:
                packet.stream = stream
                container.mux(packet)
        if heard is not None:
            container.mux([*sounding, *heard.encode()])
    return path


def disc(width, height, aspect=Fraction(1)):
    """(H, W, 3): a white disc of 0.6 of the height on black, round where the pixels have this aspect."""
    y, x = np.indices((height, width)) + 0.5
    inside = np.hypot((x - width / 2) * float(aspect), y - height / 2) <= 0.3 * height
    return np.repeat((255 * inside).astype(np.uint8)[..., None], 3, axis=2)


def extent(image):
    """(width, height) in px of what is white in an image."""
    white = image.mean(axis=2) > 127
    return int(white.any(axis=0).sum()), int(white.any(axis=1).sum())


def quadrants(width, height):
    """(H, W, 3): red, green, blue, white from the upper left in rows: no two of the eight orientations look
    alike.
    """
    colours = np.array([[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (255, 255, 255)]], np.uint8)
    return colours[(np.arange(height) * 2 // height)[:, None], (np.arange(width) * 2 // width)[None, :]]


def set_matrix(path, a, b, c, d):
    """Set the display matrix of an MP4's first track (ISO 14496-12, 8.3.2); whole numbers or fractions."""
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 4 + 40
    assert struct.unpack_from(">9i", content, place) == (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    struct.pack_into(
        ">9i", content, place, *(round(value * 65536) for value in (a, b, 0, c, d, 0, 0, 0)), 1 << 30
    )
    path.write_bytes(content)
    return path


def say_shape(path, said, shape):
    """A copy whose container says the image's shape (width over height); VP8 has no word for it."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg here")
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        path,
        "-c",
        "copy",
        "-aspect",
        f"{shape.numerator}:{shape.denominator}",
        said,
    ]
    subprocess.run(command, check=True)
    return said
