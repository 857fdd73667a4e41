"""What is fixed of a prepared folder, its samples and a trained run (docs/format.md).

Names of files, size of crops, names of splits.
"""

from dataclasses import dataclass

FORMAT = 1
"""The shard format that this release reads and writes (``manifest.json``'s ``format``)."""
MANIFEST = "manifest.json"
LEDGER = "ledger.jsonl"
CLIPS = "clips.parquet"
CARD = "README.md"
CROISSANT = "croissant.json"
SHARDS_FOLDER = "data"
PAIRS_FOLDER = "pairs"
IMAGES_FOLDER = "card"
WORK_FOLDER = ".work"
"""Where preparation keeps what is not finished; a folder that has it and no manifest was interrupted."""

WEIGHTS, FACTS = "model.safetensors", "checkpoint.json"
"""Files of a checkpoint of ``train-encoder``."""

CROP_SIZE = 96
"""Height and width of a mouth crop in pixels, the only ones that the lip network reads."""
FACE_SIZE = 256
"""Height and width of a face crop in pixels."""
CROP_SIZES = (CROP_SIZE, FACE_SIZE)
LIP_ROWS = (24, 72)
"""First and last + 1 of the rows of a crop that the lip network reads: 48×96, the mouth in the middle."""
LIP_ROWS_SHOWN = f"{LIP_ROWS[0]}–{LIP_ROWS[1] - 1}"
MAX_JPEG_HEIGHT = 65_535
MAX_STRIP_PX = 178_956_970
"""Pillow, which decodes filmstrips, takes a larger image for an attack."""
LIPS_FORMATS = ("jpg", "png")
SPLIT_NAME = r"[a-z][a-z0-9_]*"


@dataclass(frozen=True)
class ClipFormat:
    """How the samples of one prepared folder are encoded, the same for all of them.

    lips_format: ``jpg`` (quality 95) or ``png``.
    spectrogram: ``stft`` (257 bins) or ``mel`` (80).
    crop: name of the crop preset.
    detector: name of what found the faces.
    """

    lips_format: str = "jpg"
    spectrogram: str = "stft"
    crop: str = "lips"
    detector: str = "auto"


def most_frames(lips_format: str, size: int) -> int:
    """How many frames of ``size`` px a filmstrip holds.

    >>> most_frames("jpg", 96), most_frames("jpg", 256), most_frames("png", 256)
    (682, 255, 2730)
    """
    return MAX_JPEG_HEIGHT // size if lips_format == "jpg" else MAX_STRIP_PX // size**2


def shard_file(name: str) -> str:
    """Where a shard lies in its folder, here or elsewhere.

    >>> shard_file("train-00000-of-00001.tar"), pairs_file("test")
    ('data/train-00000-of-00001.tar', 'pairs/test.parquet')
    """
    return f"{SHARDS_FOLDER}/{name}"


def pairs_file(split: str) -> str:
    """Where the frozen pairs of a split lie in their folder, here or elsewhere."""
    return f"{PAIRS_FOLDER}/{split}.parquet"
