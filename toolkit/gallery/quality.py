"""The quality of one clip in a line of words."""

from collections.abc import Iterator

from speechlip.gallery.columns import value_of
from speechlip.shards.sample_meta import SampleMeta


def quality_words(meta: SampleMeta) -> list[str]:
    """What a clip's ``json`` says of its quality, in words; what it does not say, or garbles, is left out.

    >>> quality_words(SampleMeta(n_frames=25, speaker="a", source_sha256="", start_s=0.0, yaw_deg=12.4,
    ...     yaw_min_deg=-3.0, yaw_max_deg=20.6, sharpness=151.8, blinks_per_minute=60.0))
    ['yaw 12° (−3 … 21)', 'sharpness 152', '60 blinks a minute']
    """
    return list(_words(meta))


def _words(meta: SampleMeta) -> Iterator[str]:
    if (speech := value_of(meta, "speech_share")) is not None:
        yield f"speech in {100 * speech:.0f} %"
    width, share = value_of(meta, "face_width_px"), value_of(meta, "face_width_share")
    if width is not None and share is not None:
        yield f"face {width:.0f} px, {share:.2f} of the frame"
    for angle in ("yaw", "pitch", "roll"):
        middle, low, high = (value_of(meta, f"{angle}{part}_deg") for part in ("", "_min", "_max"))
        if middle is not None and low is not None and high is not None:
            yield f"{angle} {whole(middle)}° ({whole(low)} … {whole(high)})"
    if (speed := value_of(meta, "head_movement_per_s")) is not None:
        yield f"head moves {speed:.2f} face widths a second"
    for name, title in (("sharpness", "sharpness"), ("brightness", "brightness"), ("brisque", "BRISQUE")):
        if (level := value_of(meta, name)) is not None:
            yield f"{title} {level:.0f}"
    if (blinks := value_of(meta, "blinks_per_minute")) is not None:
        yield f"{blinks:.0f} blinks a minute"
    face_inside = value_of(meta, "face_inside_share")
    if face_inside is not None and face_inside < 1:
        yield f"{100 * face_inside:.0f} % of the crop in the frame"
    if (inside := value_of(meta, "mouth_inside_share")) is not None and inside < 1:
        yield f"{100 * inside:.0f} % of the {'crop' if face_inside is None else 'mouth'} in the frame"
    if interpolated := value_of(meta, "interpolated_share"):
        yield f"face interpolated in {100 * interpolated:.0f} %"
    if (faces := value_of(meta, "faces_max")) is not None and faces > 1:
        yield f"{faces:.0f} faces at once"
    if (confidence := value_of(meta, "sync_confidence")) is not None:
        offset = value_of(meta, "sync_offset_frames")
        yield f"sync confidence {confidence:.1f}" + (
            "" if offset is None else f", offset {whole(offset)} frames"
        )


def whole(value: float) -> str:
    """A whole number with a minus as long as a plus.

    >>> whole(-3.4), whole(-0.2)
    ('−3', '0')
    """
    return f"{round(value)}".replace("-", "−")
