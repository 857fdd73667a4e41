"""What must hold of one sample of a shard: every problem as a sentence."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from speechlip.errors import ShardError
from speechlip.faces.crops import crop_size
from speechlip.shards.read.decode import MEMBERS, decode_field, decode_json
from speechlip.shards.sample_meta import OWN_META
from speechlip.spectra import spectrogram
from speechlip.timing import FPS, seconds

KEY = re.compile(r"[a-z0-9_-]+")
META_TYPES = {
    "key": "str",
    "source": "str",
    "speaker": "str",
    "start_s": "float",
    "n_frames": "int",
    "fps": "int",
    "detector": "str",
    "crop": "str",
    "source_sha256": "str",
    "face_score": "float",
    "licence": "str",
    "corrected": "list of str",
    "transcript": "str",
    "track": "int",
    "interpolated_frames": "int",
}
"""What every sample's ``json`` holds at least, and the type of each."""
MAY_LACK = OWN_META - META_TYPES.keys()
"""Fields that a sample leaves out where nothing is known: older releases did, and not all can be measured."""
WITHIN = {"speech": "list"}
"""What lists hold that may be empty; others hold ``str``."""
SPECTROGRAM_TOLERANCE = 0.02
"""Of the value + 1e-3: float16 rounds by 0.0005 of it, and FFT libraries differ far less; another window or
hop differs by far more."""


def sample_problems(raw: Mapping[str, Any]) -> Iterator[str]:
    """Sentences about one raw sample (webdataset: member → bytes): key, ``json``, and every member's shape,
    type and length.

    The spectrogram is compared with what torchaudio computes from the audio.
    """
    key = raw["__key__"]
    if not KEY.fullmatch(key):
        yield f"key {key!r} is not made of a-z, 0-9, _ and -"
    try:
        meta = decode_json(raw)
        yield from (f"{key}: {problem}" for problem in meta_problems(key, meta))
        present = [field for field, members in MEMBERS.items() if any(member in raw for member in members)]
    except ShardError as error:
        yield str(error)
        return
    arrays = {}
    for field in present:
        try:
            arrays[field] = decode_field(raw, field, meta["n_frames"])
        except ShardError as error:
            yield str(error)
    if "lips" in arrays:
        yield from (f"{key}: {problem}" for problem in lips_problems(arrays["lips"], meta.get("crop")))
    yield from (f"{key}: no {field}" for field in ("lips", "spectrogram", "audio") if field not in present)
    yield from (
        f"{key}: {problem}"
        for problem in array_problems(arrays, "mel" if "mel.npy" in raw else "stft", meta["n_frames"])
    )


def lips_problems(lips: np.ndarray, crop: Any) -> Iterator[str]:
    """A sentence where crops, (T, S, S, 3), have not the size of the preset that the ``json`` names."""
    size = crop_size(str(crop))
    if lips.shape[1] != size:
        own = lips.shape[1]
        yield f"lips are {own}×{own} px, crops {str(crop)!r} have {size}×{size}"


def meta_problems(key: str, meta: Mapping[str, Any]) -> Iterator[str]:
    """Sentences about a sample's ``json``: what is missing, of another type, or not true of this sample."""
    types = signature(meta)
    for name, wanted in META_TYPES.items():
        if types.get(name) != wanted:
            yield f"json field {name} is {types.get(name, 'missing')}, wanted {wanted}"
    if meta.get("key") != key:
        yield f"json says key {meta.get('key')!r}"
    if meta.get("fps") != FPS:
        yield f"json says {meta.get('fps')} fps, wanted {FPS}"


def signature(meta: Mapping[str, Any]) -> dict[str, str]:
    """The type of each field, as it must be in every sample of a dataset.

    >>> signature({"start_s": 3.0, "track": 0, "corrected": ["rotation"]})
    {'start_s': 'float', 'track': 'int', 'corrected': 'list of str'}
    """
    return {name: _type_name(value, WITHIN.get(name, "str")) for name, value in meta.items()}


def differing(types: Mapping[str, str], others: Mapping[str, str]) -> list[str]:
    """The fields of two samples that differ in type or presence; what may be unknown may be missing.

    >>> differing({"mood": "str", "speech": "list of list"}, {"mood": "int"})
    ['mood']
    """
    both = types.keys() & others.keys()
    names = {name for name, _ in types.items() ^ others.items()}
    return sorted(name for name in names if name in both or name not in MAY_LACK)


def _type_name(value: Any, of_empty: str) -> str:
    if not isinstance(value, list):
        return type(value).__name__
    inner = {type(item).__name__ for item in value} or {of_empty}
    return "list of " + "/".join(sorted(inner))


NEEDED = {"start_s", "end_s", "phone"}
"""What every phone has."""


def array_problems(arrays: Mapping[str, Any], kind: str, n_frames: int) -> Iterator[str]:
    """Sentences about the decoded members of a sample of ``n_frames``, whose spectrogram is of this kind
    (``stft`` or ``mel``).
    """
    if "landmarks" in arrays and not np.isfinite(arrays["landmarks"]).all():
        yield "landmarks are not all finite"
    if {"spectrogram", "audio"} <= arrays.keys():
        yield from spectrogram_problems(arrays["spectrogram"], arrays["audio"], kind)
    yield from phone_problems(arrays.get("phones", ()), seconds(n_frames))


def spectrogram_problems(stored: np.ndarray, audio: np.ndarray, kind: str) -> Iterator[str]:
    """A sentence where the spectrogram is not that of the audio (within ``SPECTROGRAM_TOLERANCE``)."""
    wanted = spectrogram(audio, kind).astype(np.float32)
    error = np.abs(stored.astype(np.float32) - wanted) / (wanted + 1e-3)
    worst = float(error.max(initial=0.0))
    if not worst <= SPECTROGRAM_TOLERANCE:  # also where it is not a number
        yield (
            f"the spectrogram is not that of the audio: it differs by up to {worst:.3g} of the value "
            f"torchaudio gives"
        )


def phone_problems(phones: Any, clip_s: float) -> Iterator[str]:
    """A sentence for phones that are not ``{start_s, end_s, phone}`` in order within the clip.

    Those of older releases have no ``source`` and no ``score``.
    """
    for phone in phones:
        if not isinstance(phone, dict) or not NEEDED <= phone.keys() <= NEEDED | {"source", "score"}:
            yield f"phones.json holds {phone!r}, wanted start_s, end_s and phone, perhaps source and score"
            return
        times = [
            phone[name] if type(phone[name]) in (int, float) else math.nan for name in ("start_s", "end_s")
        ]
        if not 0 <= times[0] <= times[1] <= clip_s + 1e-3:
            yield f"phone {phone} does not lie within the clip of {clip_s:g} s"
