"""What is fixed of a prepared folder and its samples (docs/format.md)."""

from dataclasses import dataclass

CROP_SIZE = 96
MAX_JPEG_HEIGHT = 65_535
LIPS_FORMATS = ("jpg", "png")
SPLIT_NAME = r"[a-z][a-z0-9_]*"


@dataclass(frozen=True)
class ClipFormat:
    """How the samples of one prepared folder are encoded, the same for all of them.

    lips_format: ``jpg`` (quality 95) or ``png``. spectrogram: ``stft`` (257 bins) or ``mel`` (80).
    crop: name of the crop preset. detector: name of what found the faces.
    """

    lips_format: str = "jpg"
    spectrogram: str = "stft"
    crop: str = "lips"
    detector: str = "auto"
