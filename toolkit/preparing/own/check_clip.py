"""Whether a clip that somebody else made can be written as a sample: shapes, types, ranges."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_type_hints

import numpy as np

from speechlip.checks import check_kind, check_types, fits, in_words
from speechlip.errors import OptionError
from speechlip.format import CROP_SIZE, SPLIT_NAME, most_frames
from speechlip.records import Clip, ClipQuality, Phone, Source
from speechlip.shards.sample_meta import OWN_META
from speechlip.timing import SAMPLES_PER_FRAME, seconds

MOUTH_POINTS = (20, 2)
MAX_START_FRAME = 10**7
"""Four days into a recording."""
LATE_S = 0.001
"""By how much a phone may end after its clip, in seconds: times are rounded."""
WHOLE = ("track", "start_frame", "interpolated_frames", "delay_frames", "faces_max")
DECIMAL = ("face_score", "face_width_px", "faces_median")


def checked_clip(clip: Clip, lips_format: str, size: int = CROP_SIZE) -> Clip:
    """The clip, of crops of ``size`` px, with plain Python numbers.

    Raises OptionError that says what came and what was wanted.
    """
    clip = plain_numbers(clip)
    if problem := next(clip_problems(clip, lips_format, size), ""):
        raise OptionError(f"clip at frame {clip.start_frame} of {clip.source.name!r}: {problem}")
    return clip


def plain_numbers(clip: Clip) -> Clip:
    """The clip with int and float in place of numpy's numbers. Raises OptionError for what is no number."""
    plain: dict[str, Any] = {}
    for names, kind in ((WHOLE, int), (DECIMAL, float)):
        for name in names:
            value = getattr(clip, name)
            try:
                plain[name] = kind(value)
            except (TypeError, ValueError, OverflowError):
                plain[name] = None
            if plain[name] is None or plain[name] != value:
                raise OptionError(
                    f"{name} of a clip of {clip.source.name!r} is {value!r}, "
                    f"wanted {'a whole number' if kind is int else 'a number'}"
                )
    return replace(clip, **plain)


def clip_problems(clip: Clip, lips_format: str, size: int) -> Iterator[str]:
    """What is wrong with a clip, as sentences."""
    yield from array_problems("lips", clip.lips, (None, size, size, 3), np.uint8)
    n_frames = len(clip.lips)
    if not n_frames:
        yield "lips has no frame, wanted at least one"
    if n_frames > (most := most_frames(lips_format, size)):
        name, png = ("JPEG", ", or take lips_format='png'") if lips_format == "jpg" else ("PNG", "")
        yield f"lips has {n_frames} frames, a {name} filmstrip holds {most}; cut the clip{png}"
    yield from array_problems("audio", clip.audio, (SAMPLES_PER_FRAME * n_frames,), np.int16)
    if clip.landmarks is not None:
        yield from array_problems("landmarks", clip.landmarks, (n_frames, *MOUTH_POINTS), np.float32)
        if not np.isfinite(clip.landmarks).all():
            yield "landmarks hold values that are no numbers, wanted crop pixels"
    if clip.faces is not None:
        yield from array_problems("faces", clip.faces, (n_frames,), np.int32)
    if clip.speech is not None:
        yield from array_problems("speech", clip.speech, (n_frames,), np.bool_)
    for phone in clip.phones or ():
        yield from phone_problems(phone, seconds(n_frames))
    yield from range_problems(clip, n_frames)
    yield from quality_problems(clip)


def array_problems(
    name: str, array: np.ndarray, shape: tuple[int | None, ...], dtype: type[np.generic]
) -> Iterator[str]:
    """A sentence where ``array`` is none, or has another shape (None: any length) or type."""
    wanted = f"({', '.join('T' if n is None else str(n) for n in shape)}{',' * (len(shape) == 1)})"
    wanted = f"{wanted} {np.dtype(dtype)}"
    if not isinstance(array, np.ndarray):
        yield f"{name} is {type(array).__name__}, wanted an array {wanted}"
        return
    fits = array.ndim == len(shape) and all(
        n in (None, own) for n, own in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype != dtype:
        yield f"{name} is {array.shape} {array.dtype}, wanted {wanted}"


def phone_problems(phone: Phone, length_s: float) -> Iterator[str]:
    if not isinstance(phone, Phone):
        yield f"a phone is {type(phone).__name__}, wanted speechlip.records.Phone"
    elif not 0 <= phone.start_s <= phone.end_s <= length_s + LATE_S:
        yield (
            f"phone {phone.phone!r} lasts from {phone.start_s:g} to {phone.end_s:g} s, "
            f"wanted seconds of the clip, 0 to {length_s:g}"
        )


def range_problems(clip: Clip, n_frames: int) -> Iterator[str]:
    """A sentence for each number that is out of its range."""
    ranges: dict[str, tuple[float, float]] = {
        "track": (0, math.inf),
        "start_frame": (0, MAX_START_FRAME),
        "face_score": (0, 1),
        "face_width_px": (0, math.inf),
        "interpolated_frames": (0, n_frames),
        "faces_max": (1, math.inf),
        "faces_median": (1, math.inf),
    }
    for name, (least, most) in ranges.items():
        value = getattr(clip, name)
        if not (least <= value <= most and math.isfinite(value)):
            wanted = f"{least} … {most}" if math.isfinite(most) else f"{least} or more"
            yield f"{name} is {value:g}, wanted {wanted}"


def quality_problems(clip: Clip) -> Iterator[str]:
    """A sentence where the quality is none, or holds another type or what is no finite number."""
    if not isinstance(clip.quality, ClipQuality):
        yield f"quality is {type(clip.quality).__name__}, wanted speechlip.records.ClipQuality"
        return
    for name, wanted in get_type_hints(ClipQuality).items():
        value = getattr(clip.quality, name)
        if not fits(value, wanted) or (isinstance(value, float) and not math.isfinite(value)):
            yield f"{name} of its quality is {value!r}, wanted {in_words(wanted)}"


def check_source(source: Source) -> None:
    """Raise OptionError for what is no source, or holds other types than it states; where it cannot be named,
    or brings fields that every sample has of its own.
    """
    check_kind("source", source, Source)
    try:
        check_types(source)
    except OptionError as error:
        raise OptionError(f"source {source.name!r}: {error}") from None
    if not source.name:
        raise OptionError("a source has an empty name, wanted one that is unique in the dataset")
    if source.split is not None and not re.fullmatch(SPLIT_NAME, source.split):
        raise OptionError(
            f"{source.name!r} is of split {source.split!r}; "
            "take a-z, 0-9 and _, a letter first, such as 'train'"
        )
    if taken := sorted(OWN_META & source.more.keys()):
        raise OptionError(
            f"{source.name!r} brings a field {taken[0]!r}, which every sample has of its own; rename it"
        )
    if other := [name for name, text in source.more.items() if not isinstance(text, str)]:
        raise OptionError(f"the field {other[0]!r} of {source.name!r} is no text; write it as one")
