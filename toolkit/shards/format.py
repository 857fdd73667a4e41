"""What is fixed of a prepared folder and its samples (docs/format.md)."""

CROP_SIZE = 96


MAX_JPEG_HEIGHT = 65_535


LIPS_FORMATS = ("jpg", "png")


SPLIT_NAME = r"[a-z][a-z0-9_]*"
