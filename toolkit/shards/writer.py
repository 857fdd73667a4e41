"""One sample is one clip, encoded; one shard is one tar."""

import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.files.strict_json import encode_json
from speechlip.files.writing import whole_file
from speechlip.format import ClipFormat
from speechlip.records import Clip
from speechlip.shards.sample_meta import SampleMeta
from speechlip.spectra import spectrogram
from speechlip.timing import SAMPLE_RATE

JPEG_QUALITY = 95  # with 4:4:4 chroma; benchmarks/member_sizes.py shows PSNR and bytes by quality
JPEG_BLOCK = 8
TAR_BLOCK = 512
Sample = dict[str, bytes]
KEY_DIGITS = 8
MORE_KEY_DIGITS = (16, 32, 64)


def sample_key(clip: Clip, digits: int = KEY_DIGITS) -> str:
    """Key of a clip: readable, unique in the dataset, and made of ``[a-z0-9_-]`` only, because a dot would
    split the sample.

    digits: how much of the hash of the source's name stands in it, as ``key_digits`` says.
    """
    return f"{source_key(clip.source.name, digits)}-t{clip.track}-f{clip.start_frame:06d}"


def source_key(name: str, digits: int = KEY_DIGITS) -> str:
    """How the keys of a source begin: its stem, and hexadecimal digits of its name's SHA-256.

    So ``a/1.mp4`` and ``b/1.mp4`` differ.

    >>> source_key("a/Take 1.mp4"), source_key("b/Take 1.mp4")
    ('take-1-c2f18443', 'take-1-8a8f324b')
    """
    stem = re.sub(r"[^a-z0-9_-]+", "-", Path(name).stem.lower()).strip("-")[:40] or "clip"
    return f"{stem}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:digits]}"


def key_digits(names: Iterable[str]) -> dict[str, int]:
    """How many digits each of these different names needs for keys of its own.

    8, and more only for those that share a stem and 8 digits: among a million files called ``00001.mp4``
    there are about a hundred such pairs.
    """
    digits = dict.fromkeys(names, KEY_DIGITS)
    for more in MORE_KEY_DIGITS:
        count = Counter(source_key(name, n) for name, n in digits.items())
        if len(count) == len(digits):
            break
        digits |= {name: more for name, n in digits.items() if count[source_key(name, n)] > 1}
    return digits


def encode_filmstrip(lips: np.ndarray, lips_format: str) -> bytes:
    """Encode (T, S, S, 3) uint8 RGB as one vertical strip, JPEG without chroma subsampling or PNG.

    The JPEG has a restart marker after every frame, so that a reader can decode a window without the rest of
    the strip (filmstrip.py).
    """
    from PIL import Image

    frames, height, width, _ = lips.shape
    strip = Image.fromarray(lips.reshape(frames * height, width, 3))
    buffer = io.BytesIO()
    if lips_format == "jpg":
        strip.save(
            buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0, restart_marker_rows=height // JPEG_BLOCK
        )
    else:
        strip.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def encode_flac(audio: np.ndarray) -> bytes:
    """Encode (N,) int16 samples, 16 kHz mono, without loss."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, audio, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def encode_npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def encode_clip(clip: Clip, meta: SampleMeta, form: ClipFormat) -> Sample:
    """All members of one sample, each encoded, in the order in which they are written (docs/format.md).

    meta: what the ``json`` says (``meta_of``).
    """
    members = {
        "audio.flac": encode_flac(clip.audio),
        "json": encode_json(meta.dump()),
        f"lips.{form.lips_format}": encode_filmstrip(clip.lips, form.lips_format),
        f"{form.spectrogram}.npy": encode_npy(spectrogram(clip.audio, form.spectrogram)),
    }
    if clip.landmarks is not None:
        members["landmarks.npy"] = encode_npy(clip.landmarks)
    if clip.phones is not None:
        members["phones.json"] = encode_json([asdict(phone) for phone in clip.phones])
    return dict(sorted(members.items()))


class OpenShard:
    """A shard that is being written.

    fields: names of all members met.
    n_bytes: of the samples so far, as they lie in the tar.
    """

    def __init__(self, tar: Any) -> None:
        self._tar = tar
        self.fields: set[str] = set()
        self.n_bytes = 0

    def write(self, key: str, members: Sample) -> None:
        """Append one sample."""
        self.fields.update(members)
        self.n_bytes += tar_bytes(members)
        self._tar.write({"__key__": key, **members})


@contextmanager
def open_shard_file(path: Path) -> Iterator[OpenShard]:
    """A tar with no clock and no user in it, so that equal samples give equal bytes; it appears when it is
    whole.
    """
    from webdataset import TarWriter

    with whole_file(path) as file, TarWriter(file, encoder=False, mtime=0, user="", group="") as tar:
        yield OpenShard(tar)


def write_shard(path: Path, samples: Iterable[tuple[str, Sample]]) -> tuple[str, ...]:
    """Write (key, members) pairs as one shard; returns the names of all members met, sorted."""
    with open_shard_file(path) as shard:
        for key, members in samples:
            shard.write(key, members)
    return tuple(sorted(shard.fields))


def tar_bytes(members: Sample) -> int:
    """Bytes of a sample in a tar: every member has a header and is filled up to whole blocks.

    >>> tar_bytes({"json": b"{}", "stft.npy": bytes(513)})
    2560
    """
    return sum(TAR_BLOCK * (1 + -(-len(content) // TAR_BLOCK)) for content in members.values())
