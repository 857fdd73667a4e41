"""Lip sync: SyncNet's features of a clip, LSE-C, LSE-D and offset; accuracy of offsets."""

CROP_PX = 224
"""Height and width of the face crops that SyncNet sees."""
