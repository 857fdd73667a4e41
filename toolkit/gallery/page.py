"""``index.html``: one file with images and audio in it, written clip by clip.

Each clip stands in a script element of its own that holds JSON, so that no more than one clip is in memory;
what concerns all of them comes last.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from speechlip.errors import ShardError
from speechlip.files.shareable import without_folders
from speechlip.files.writing import whole_file
from speechlip.gallery.clips import GalleryClip
from speechlip.gallery.images import CELL, COLUMNS, as_base64, coloured, levels, points, sheet, webp
from speechlip.gallery.pairs import gallery_pairs
from speechlip.gallery.quality import quality_words
from speechlip.gallery.summary import Distributions, of_all, on_this_disk, stored_metas, summary
from speechlip.shards.pairs.rules import PairClip
from speechlip.shards.read.shardset import ShardSet
from speechlip.timing import FPS
from speechlip.webpage.filling import embedded, filled

TEMPLATE = Path(__file__).with_name("gallery.html")
SCRIPTS = [TEMPLATE.with_name(name) for name in ("lanes.js", "clip.js", "gallery.js")]
HERE = "{{clips}}"
PairClips = dict[str | None, list[PairClip]]
"""Split → its shown clips."""


def write_page(path: Path, name: str, splits: Sequence[ShardSet], clips: Iterable[GalleryClip]) -> int:
    """Write the page about ``clips`` of the shards called ``name``; returns how many they are.

    Raises WriteError where it cannot be written, ShardError for what cannot be read.
    """
    with TemporaryFile() as written:
        pair_clips, shown = _write_clips(written, clips)
        data = _page_data(name, splits, pair_clips, shown)
        before, after = filled(TEMPLATE, data, *SCRIPTS).split(HERE, 1)
        written.seek(0)
        with whole_file(path) as page:
            page.write(before.encode())
            shutil.copyfileobj(written, page)
            page.write(after.encode())
    return sum(map(len, pair_clips.values()))


def _write_clips(file: BinaryIO, clips: Iterable[GalleryClip]) -> tuple[PairClips, Distributions]:
    pair_clips, shown = defaultdict(list), Distributions()
    for clip in clips:
        data = embedded(clip_data(clip))
        file.write(f'<script type="application/json" class="clip">{data}</script>\n'.encode())
        pair_clips[clip.split].append(clip.pair_clip)
        shown.add(clip.sample.meta)
    return pair_clips, shown


def _page_data(
    name: str, splits: Sequence[ShardSet], pair_clips: PairClips, shown: Distributions
) -> dict[str, Any]:
    pairs = gallery_pairs(splits, pair_clips)
    every = of_all(stored_metas(splits)) if on_this_disk(splits) else shown
    return {
        **summary(name, splits, every),
        "fps": FPS,
        "cell": CELL,
        "columns": COLUMNS,
        "pairs": pairs.by_clip(),
        "frozen": pairs.frozen,
        "speech": [[key, start, image] for (key, start), image in pairs.speech.items()],
    }


def clip_data(clip: GalleryClip) -> dict[str, Any]:
    """One clip as the page has it: texts as they are, but no folder of the machine; images and audio in
    base64.
    """
    sample, meta = clip.sample, clip.sample.meta
    assert sample.lips is not None and sample.spectrogram is not None
    return {
        "key": sample.key,
        "split": clip.split or "",
        "speaker": meta.speaker,
        "detector": str(meta.detector or ""),
        "transcript": str(meta.transcript or ""),
        "frames": len(sample.lips),
        "quality": quality_words(meta),
        "meta": [
            [name, without_folders(value if isinstance(value, str) else embedded_text(value))]
            for name, value in sorted(meta.dump().items())
        ],
        "bins": sample.spectrogram.shape[1],
        "lips": webp(sheet(sample.lips)),
        "spectrum": webp(coloured(levels(sample.spectrogram))),
        "points": None if sample.landmarks is None else points(sample.landmarks, sample.lips.shape[1]),
        "heard": meta.speech,
        "phones": None if sample.phones is None else [_phone(sample.key, phone) for phone in sample.phones],
        "audio": as_base64(clip.flac),
    }


def embedded_text(value: Any) -> str:
    """A value of a clip's ``json`` as words.

    >>> embedded_text(["30 fps → 25 fps", "mono"]), embedded_text(25), embedded_text([])
    ('30 fps → 25 fps; mono', '25', '')
    """
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _phone(key: str, phone: dict[str, Any]) -> list[Any]:
    try:
        start_s, end_s = float(phone["start_s"]), float(phone["end_s"])
        if not (isfinite(start_s) and isfinite(end_s)):
            raise ValueError(f"times {start_s}, {end_s}")
        return [start_s, end_s, str(phone["phone"])]
    except (KeyError, TypeError, ValueError) as error:
        raise ShardError(
            f"sample {key}: phones.json cannot be read ({error!r}); run verify-shards"
        ) from error
