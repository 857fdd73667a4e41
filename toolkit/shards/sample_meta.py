"""The ``json`` member of a sample as a record: which clip of which source it is, and how it was made."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from speechlip.describing.speech import in_seconds, share_of
from speechlip.files.names import plain_name
from speechlip.files.strict_json import as_json, strict_json
from speechlip.format import ClipFormat
from speechlip.phones import common_source, mean_score
from speechlip.records import Clip, ClipQuality
from speechlip.timing import FPS, seconds

NEEDED = ("n_frames", "speaker", "source_sha256", "start_s")
"""Without these nothing can be read of a sample."""
MAX_FRAMES, MAX_START_S = 10**7, 1e9
"""A clip of four days, thirty years into its source: beyond that a ``json`` is no clip's."""

MOVED_AUDIO = re.compile(r"audio moved by ([+-]\d{1,6}) frames to fit the lips")
"""What ``corrected`` says of a clip whose audio was moved later by so many frames."""
ROUNDED_S = 0.01
"""By how much a span may end after its clip: times are rounded."""


@dataclass(frozen=True, kw_only=True)
class SampleMeta(ClipQuality):
    """What a sample says of itself, with the fields of ``ClipQuality``.

    Beyond the first four all may be None: older releases and other writers lack some.

    n_frames: length at 25 fps.
    speaker: name of the speaker.
    source_sha256: of the source's file, hexadecimal.
    start_s: where the clip begins in its source, s.
    key: of the sample.
    source: name of the source, relative to the dataset.
    licence: of the source.
    transcript: of the source, or empty.
    corrected: what was done to bring the source to 25 fps and 16 kHz, in words.
    track: number of the face track in its source.
    fps: 25.
    detector: what found the face.
    crop: preset of the lips.
    face_score: mean of the detector, 0 to 1.
    face_width_px: median width of the face box in the source.
    interpolated_frames: how many frames of the face were interpolated.
    faces_max: most faces that are there at once, this one among them.
    faces_median: median of how many are there at once, over frames with a face.
    faces_at_once: the same frame by frame, as (faces, frames) of each run of one number, in order.
    double_of: source that its source is a double of, or empty; None where nobody looked for doubles.
    speech_share: share of its frames in which somebody speaks.
    speech: where that is, (start_s, end_s) in the clip.
    phone_source: what its phones come from, the commonest; empty where it has none and others do.
    phone_score: mean of its phones' scores, without silence, in nats, 0 at best.
    more: columns of ``metadata.csv``, as text; in the ``json`` they stand beside the others.
    """

    n_frames: int
    speaker: str
    source_sha256: str
    start_s: float
    key: str | None = None
    source: str | None = None
    licence: str | None = None
    transcript: str | None = None
    corrected: tuple[str, ...] | None = None
    track: int | None = None
    fps: int | None = None
    detector: str | None = None
    crop: str | None = None
    face_score: float | None = None
    face_width_px: float | None = None
    interpolated_frames: int | None = None
    faces_max: int | None = None
    faces_median: float | None = None
    faces_at_once: tuple[tuple[int, int], ...] | None = None
    double_of: str | None = None
    speech_share: float | None = None
    speech: tuple[tuple[float, float], ...] | None = None
    phone_source: str | None = None
    phone_score: float | None = None
    more: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, data: bytes) -> "SampleMeta":
        """From the bytes of the member.

        Raises ValueError where it is not JSON, or lacks what readers need.
        """
        return cls.of(meta_json(data))

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "SampleMeta":
        """From what ``meta_json`` gives."""
        said = {name: raw[name] for name in OWN_META if name in raw}
        corrected = raw.get("corrected")
        said["corrected"] = tuple(map(str, corrected)) if isinstance(corrected, list) else None
        said["speech"] = stated_speech(raw)
        said["faces_at_once"] = stated_faces(raw)
        return cls(
            **said
            | {"speaker": str(raw["speaker"]), "source_sha256": str(raw["source_sha256"])}
            | {"more": {name: value for name, value in raw.items() if name not in OWN_META}}
        )

    def dump(self) -> dict[str, Any]:
        """The fields of the ``json``."""
        own = as_json(self)
        return own.pop("more") | own

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return seconds(self.n_frames)


OWN_META = frozenset(each.name for each in dataclasses.fields(SampleMeta)) - {"more"}
"""What a sample's ``json`` says of itself; ``Source.more`` has other names."""


def meta_json(data: bytes) -> dict[str, Any]:
    """The ``json`` member as it is. Raises ValueError as ``SampleMeta.load`` does."""
    meta = strict_json(data)
    if not isinstance(meta, dict):
        raise ValueError(f"it is of type {type(meta).__name__}, wanted an object")
    if missing := [name for name in NEEDED if name not in meta]:
        raise ValueError(f"it lacks {', '.join(missing)}")
    n_frames, start_s = meta["n_frames"], meta["start_s"]
    if type(n_frames) is not int or not 1 <= n_frames <= MAX_FRAMES:
        raise ValueError(f"n_frames is {ascii(n_frames)[:40]}, wanted a whole number from 1 to {MAX_FRAMES}")
    if type(start_s) not in (int, float) or not abs(start_s) <= MAX_START_S:
        raise ValueError(f"start_s is {ascii(start_s)[:40]}, wanted seconds within the source")
    stated_speech(meta)
    stated_faces(meta)
    return meta


def stated_faces(raw: Mapping[str, Any]) -> tuple[tuple[int, int], ...] | None:
    """How many faces are there in which frames, as a ``json`` says; None where it does not.

    Raises ValueError for what are no runs that fill the clip.

    >>> stated_faces({"n_frames": 50, "faces_at_once": [[1, 40], [2, 10]]})
    ((1, 40), (2, 10))
    """
    if (runs := raw.get("faces_at_once")) is None:
        return None
    pairs = runs if isinstance(runs, list) and all(isinstance(each, list) for each in runs) else [[]]
    whole = [number for pair in pairs for number in pair]
    if (
        any(len(pair) != 2 for pair in pairs)
        or any(type(number) is not int or number < 0 for number in whole)
        or sum(whole[1::2]) != raw["n_frames"]
    ):
        raise ValueError(
            f"faces_at_once is {ascii(runs)[:60]}, wanted runs [faces, frames] of {raw['n_frames']} frames"
        )
    return tuple((faces, frames) for faces, frames in pairs)


def runs_of_one(values: np.ndarray) -> tuple[tuple[int, int], ...]:
    """(value, length) of each run of one value.

    >>> runs_of_one(np.array([1, 1, 2, 1]))
    ((1, 2), (2, 1), (1, 1))
    """
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return tuple((int(values[start]), stop - start) for start, stop in pairwise(edges))


def stated_speech(raw: Mapping[str, Any]) -> tuple[tuple[float, float], ...] | None:
    """Where somebody speaks, as a ``json`` says; None where it does not.

    Raises ValueError for what are no spans in order within the clip.

    >>> stated_speech({"n_frames": 50, "speech": [[0.2, 1.0], [1.2, 2]]})
    ((0.2, 1.0), (1.2, 2))
    """
    if (spans := raw.get("speech")) is None:
        return None
    if not are_spans(spans, seconds(raw["n_frames"])):
        raise ValueError(
            f"speech is {ascii(spans)[:60]}, wanted spans [start_s, end_s] in order within the clip"
        )
    return tuple((start_s, end_s) for start_s, end_s in spans)


def are_spans(value: Any, length_s: float) -> bool:
    """Whether a value of JSON is a list of [start_s, end_s] in order within ``length_s``."""
    if not isinstance(value, list) or not all(isinstance(span, list) and len(span) == 2 for span in value):
        return False
    edges = [0, *(edge for span in value for edge in span), length_s + ROUNDED_S]
    return all(type(edge) in (int, float) for edge in edges) and sorted(edges) == edges


def moved_audio(delay_frames: int) -> str:
    """The sentence that ``MOVED_AUDIO`` reads."""
    return f"audio moved by {delay_frames:+d} frames to fit the lips"


def meta_of(
    clip: Clip,
    form: ClipFormat,
    key: str,
    source_sha256: str,
    corrected: Iterable[str],
    double_of: str | None = None,
) -> SampleMeta:
    """What the sample of a clip says of itself; every sample of a dataset says the same fields.

    corrected: what was done to its source. That its audio was moved is added.
    """
    moved = [moved_audio(clip.delay_frames)] if clip.delay_frames else []
    return SampleMeta(
        n_frames=len(clip.lips),
        speaker=plain_name(clip.source.speaker),
        source_sha256=source_sha256,
        start_s=seconds(clip.start_frame),
        key=key,
        source=plain_name(clip.source.name),
        licence=clip.source.licence,
        transcript=clip.source.transcript,
        corrected=(*corrected, *moved),
        track=clip.track,
        fps=FPS,
        detector=form.detector,
        crop=form.crop,
        face_score=round(clip.face_score, 4),
        face_width_px=round(clip.face_width_px, 1),
        interpolated_frames=clip.interpolated_frames,
        faces_max=clip.faces_max,
        faces_median=clip.faces_median,
        faces_at_once=None if clip.faces is None else runs_of_one(clip.faces),
        double_of=double_of,
        speech_share=None if clip.speech is None else share_of(clip.speech),
        speech=None if clip.speech is None else in_seconds(clip.speech),
        phone_source=None if clip.phones is None else common_source(clip.phones),
        phone_score=mean_score(clip.phones or ()),
        more=clip.source.more,
        **{each.name: getattr(clip.quality, each.name) for each in dataclasses.fields(ClipQuality)},
    )
