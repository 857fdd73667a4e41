"""The frames that a video stores whole, decoded without any other."""

from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

from speechlip.media.images.geometry import Geometries, Geometry
from speechlip.media.info import MediaInfo
from speechlip.media.probe import limit_image_size
from speechlip.media.source_frames import require_stream
from speechlip.media.streams.opening import open_local, video_stream
from speechlip.media.streams.packets import stamped_frames


def key_frames(path: Path, info: MediaInfo) -> Generator[tuple[float, Any, Geometry]]:
    """Seconds since the first image, the decoded frame, and how it is displayed; frames without a time are
    left out.

    Raises SourceRefused as reading does.
    """
    with open_local(path) as container:
        stream = require_stream(video_stream(container))
        limit_image_size(stream, info.max_picture_px)
        stream.codec_context.skip_frame = "NONKEY"
        geometries = Geometries(stream)
        for stamp, frame in stamped_frames(container, stream, Counter(), info.video_shifts):
            geometry = geometries.of(frame)
            if stamp is not None:
                yield float(stamp) - info.video_start_s, frame, geometry
