"""One sample of a shard, from bytes to arrays; no decoder runs code: ``.npy`` is read without pickle."""

import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from speechlip.errors import OptionError, ShardError, no_such
from speechlip.shards.read.filmstrip import Filmstrip, decode_strip
from speechlip.shards.sample_meta import SampleMeta, meta_json
from speechlip.spectra import SPECTROGRAM_WIDTHS
from speechlip.timing import HOPS_PER_FRAME, SAMPLE_RATE, SAMPLES_PER_FRAME
from speechlip.urls import without_secrets

Raw = Mapping[str, Any]
"""A sample as webdataset gives it: member → bytes, and ``__key__``, ``__url__``."""
MEMBERS = {
    "lips": ("lips.jpg", "lips.png"),
    "spectrogram": ("stft.npy", "mel.npy"),
    "audio": ("audio.flac",),
    "landmarks": ("landmarks.npy",),
    "phones": ("phones.json",),
}
"""Field of a ``ClipSample`` → the members that can carry it; a dataset has at most one of them."""
LANDMARKS_SHAPE = (20, 2)
ARRAYS: dict[str, tuple[tuple[int, ...], type]] = {
    "stft.npy": ((SPECTROGRAM_WIDTHS["stft"],), np.float16),
    "mel.npy": ((SPECTROGRAM_WIDTHS["mel"],), np.float16),
    "landmarks.npy": (LANDMARKS_SHAPE, np.float32),
}
"""Member → shape after the first axis, and type."""
NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True)
class ClipSample:
    """One clip as it stands in a shard; a field that was not asked for is None.

    key: of the sample.
    meta: its ``json``.
    lips: (T, S, S, 3) uint8 RGB, S × S px: 96, or 256 of whole faces.
    spectrogram: (5 T, 257) float16 magnitude, or (5 T, 80) for a mel dataset.
    audio: (640 T,) int16, 16 kHz mono.
    landmarks: (T, 20, 2) float32 in crop pixels.
    phones: dicts of start_s, end_s, phone in clip time; of newer shards also source and score.
    """

    key: str
    meta: SampleMeta
    lips: np.ndarray | None = field(default=None, repr=False)
    spectrogram: np.ndarray | None = field(default=None, repr=False)
    audio: np.ndarray | None = field(default=None, repr=False)
    landmarks: np.ndarray | None = field(default=None, repr=False)
    phones: tuple[dict, ...] | None = field(default=None, repr=False)


def members_of(fields: Iterable[str], present: Iterable[str] | None) -> frozenset[str]:
    """Members to read for these fields, ``json`` always among them.

    ``present`` are the dataset's members, None where there is no manifest to say. Raises OptionError for an
    unknown or absent field.

    >>> sorted(members_of(["lips"], ["json", "lips.jpg", "stft.npy"]))
    ['json', 'lips.jpg']
    """
    wanted = {"json"}
    for name in fields:
        if name not in MEMBERS:
            raise no_such("field", name, MEMBERS)
        members = set(MEMBERS[name]) if present is None else set(MEMBERS[name]) & set(present)
        if not members:
            there_are = ", ".join(sorted(present or ()))
            raise OptionError(
                f"this dataset carries no {name!r} ({' or '.join(MEMBERS[name])}); it has: {there_are}"
            )
        wanted |= members
    return frozenset(wanted)


def decode_clip(raw: Raw, fields: Iterable[str]) -> ClipSample:
    """A raw webdataset sample (member → bytes) with these fields decoded and their lengths checked.

    Raises ShardError where a member is missing, cannot be decoded, or disagrees with ``n_frames``.
    """
    meta = decode_meta(raw)
    return ClipSample(
        raw["__key__"], meta, **{field: decode_field(raw, field, meta.n_frames) for field in fields}
    )


def decode_meta(raw: Raw) -> SampleMeta:
    """What the sample says of itself.

    Raises ShardError where it is missing, not JSON, or lacks what readers need.
    """
    return _decoded(raw, "json", SampleMeta.load)


def decode_json(raw: Raw) -> dict[str, Any]:
    """The sample's ``json`` as it is stored; raises ShardError as ``decode_meta`` does."""
    return _decoded(raw, "json", meta_json)


def decode_field(raw: Raw, field: str, n_frames: int) -> Any:
    """One field of a raw sample as ``ClipSample`` states it; raises ShardError naming the sample."""
    member = member_of(raw, field)

    def decoded(data: bytes) -> Any:
        value = DECODERS[field](data, n_frames)
        if member in ARRAYS:
            inner, dtype = ARRAYS[member]
            if (value.shape[1:], value.dtype) != (inner, dtype):
                raise ValueError(
                    f"{field} is {value.shape} {value.dtype}, wanted {(len(value), *inner)} {np.dtype(dtype)}"
                )
        return value

    return _decoded(raw, member, decoded)


def open_filmstrip(raw: Raw, n_frames: int) -> Filmstrip:
    """The sample's lips, to cut windows from; raises ShardError naming the sample."""
    return _decoded(raw, member_of(raw, "lips"), lambda data: Filmstrip(data, n_frames))


def decode_array(data: bytes, length: int) -> np.ndarray:
    """An ``.npy`` member of ``length`` rows.

    Object arrays are refused, and nothing is allocated for values that are not there.
    """
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version not in NPY_HEADERS:
        raise ValueError(
            f"it has version {version} of the npy format, wanted {' or '.join(map(str, NPY_HEADERS))}"
        )
    shape, by_columns, dtype = NPY_HEADERS[version](stream)
    if not shape or shape[0] != length:
        raise ValueError(f"it has the shape {shape}, wanted {length} rows")
    if dtype.hasobject:
        raise ValueError("it holds objects, wanted numbers")
    if (left := len(data) - stream.tell()) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{shape} {dtype} are {math.prod(shape) * dtype.itemsize} bytes, it has {left}")
    values = np.frombuffer(data, dtype, offset=stream.tell())
    return values.reshape(shape, order="F" if by_columns else "C").copy()


def decode_audio(data: bytes, length: int) -> np.ndarray:
    """16 kHz mono FLAC as (length,) int16. Raises ValueError for another rate, length or channel count."""
    import soundfile

    with soundfile.SoundFile(io.BytesIO(data)) as file:
        shape = (file.frames, file.channels)
        if file.samplerate != SAMPLE_RATE or shape != (length, 1):
            raise ValueError(
                f"it has {file.samplerate} Hz and the shape {shape}, "
                f"wanted {SAMPLE_RATE} Hz and {(length, 1)}"
            )
        audio = file.read(dtype="int16", always_2d=True)
    if audio.shape != (length, 1):
        raise ValueError(f"it says {length} samples and holds {len(audio)}")
    return audio[:, 0]


def _phones(data: bytes) -> tuple[dict, ...]:
    phones = json.loads(data)
    if not isinstance(phones, list):
        raise ValueError(f"it is of type {type(phones).__name__}, wanted a list")
    return tuple(phones)


DECODERS: dict[str, Callable[[bytes, int], Any]] = {
    "lips": decode_strip,
    "spectrogram": lambda data, n_frames: decode_array(data, HOPS_PER_FRAME * n_frames),
    "audio": lambda data, n_frames: decode_audio(data, SAMPLES_PER_FRAME * n_frames),
    "landmarks": decode_array,
    "phones": lambda data, n_frames: _phones(data),
}
"""Field → decoder of (bytes, frames of the clip)."""


def member_of(raw: Raw, field: str) -> str:
    """The member that carries a field in this sample."""
    return next((name for name in MEMBERS[field] if name in raw), MEMBERS[field][0])


def _decoded(raw: Raw, member: str, decoder: Callable[[bytes], Any]) -> Any:
    if member not in raw:
        raise ShardError(
            f"{place_of(raw)} has no {member}; the shard is damaged or of another format, "
            f"copy or prepare it again"
        )
    with said_of_member(raw, member):
        return decoder(raw[member])


@contextmanager
def said_of_member(raw: Raw, member: str) -> Iterator[None]:
    """Whatever decoding a member meets, as a ShardError that names the sample."""
    try:
        yield
    except (
        Exception
    ) as error:  # hostile bytes make numpy raise tokenize's errors, others OverflowError or MemoryError
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise ShardError(
            f"{place_of(raw)}: {member} cannot be decoded: {why}; copy or prepare the shard again"
        ) from error


def place_of(raw: Raw) -> str:
    """A sample in words: its key and its shard."""
    return f"sample {raw.get('__key__')} of {without_secrets(str(raw.get('__url__', 'a shard')))}"
