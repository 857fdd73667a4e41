"""``index.html``: one file with pictures and sound in it, written clip by clip.

Each clip stands in a script element of its own that holds JSON, so that no more than one clip is in memory; what concerns all of them comes last.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterable
from math import isfinite
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from speechlip.errors import ShardError
from speechlip.files.shareable import without_folders
from speechlip.files.writing import whole_file
from speechlip.gallery.choose import Shown
from speechlip.gallery.images import CELL, COLUMNS, as_base64, coloured, levels, points, sheet, webp
from speechlip.gallery.shown_pairs import shown_pairs
from speechlip.gallery.summary import Distributions, of_all, on_this_disk, stored_metas, summary
from speechlip.shards.pairs.rules import PairClip
from speechlip.shards.read.shardset import ShardSet
from speechlip.timing import FPS
from speechlip.webpage.filling import embedded, filled

TEMPLATE = Path(__file__).with_name("gallery.html")
SCRIPTS = [TEMPLATE.with_name(name) for name in ("clip.js", "gallery.js")]
HERE = "{{clips}}"


def write_gallery(path: Path, shards: str, splits: tuple[ShardSet, ...], clips: Iterable[Shown]) -> int:
    """Write the page about ``clips`` and return how many they are.

    Raises WriteError where it cannot be written, ShardError for what cannot be read.
    """
    with TemporaryFile() as written:
        facts, read = _write_clips(written, clips)
        data = _page_data(shards, splits, facts, read)
        before, after = filled(TEMPLATE, data, *SCRIPTS).split(HERE, 1)
        written.seek(0)
        with whole_file(path) as page:
            page.write(before.encode())
            shutil.copyfileobj(written, page)
            page.write(after.encode())
    return sum(map(len, facts.values()))


def _write_clips(
    file: BinaryIO, clips: Iterable[Shown]
) -> tuple[dict[str | None, list[PairClip]], Distributions]:
    facts, read = defaultdict(list), Distributions()
    for shown in clips:
        file.write(
            f'<script type="application/json" class="clip">{embedded(clip_data(shown))}</script>\n'.encode()
        )
        facts[shown.split].append(shown.facts)
        read.add(shown.clip.meta)
    return facts, read


def _page_data(
    shards: str, splits: tuple[ShardSet, ...], facts: dict[str | None, list[PairClip]], read: Distributions
) -> dict[str, Any]:
    pairs = shown_pairs(shards, splits, facts)
    every = of_all(stored_metas(splits)) if on_this_disk(splits) else read
    return {
        **summary(shards, splits, every),
        "fps": FPS,
        "cell": CELL,
        "columns": COLUMNS,
        "pairs": pairs.by_clip(),
        "frozen": pairs.frozen,
        "speech": [[key, start, picture] for (key, start), picture in pairs.speech.items()],
    }


def clip_data(shown: Shown) -> dict[str, Any]:
    """One clip as the page draws it: texts as they are, but no folder of the machine; pictures and sound in base64."""
    clip, meta = shown.clip, shown.clip.meta
    assert clip.lips is not None and clip.spectrogram is not None
    return {
        "key": clip.key,
        "split": shown.split or "",
        "speaker": meta.speaker,
        "detector": str(meta.detector or ""),
        "transcript": str(meta.transcript or ""),
        "frames": len(clip.lips),
        "meta": [
            [name, without_folders(value if isinstance(value, str) else embedded_text(value))]
            for name, value in sorted(meta.dump().items())
        ],
        "bins": clip.spectrogram.shape[1],
        "lips": webp(sheet(clip.lips)),
        "spectrum": webp(coloured(levels(clip.spectrogram))),
        "points": None if clip.landmarks is None else points(clip.landmarks),
        "phones": None if clip.phones is None else [_phone(clip.key, phone) for phone in clip.phones],
        "audio": as_base64(shown.flac),
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
