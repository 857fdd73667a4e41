"""Faces: detectors by name, tracks within shots, crops of the mouth."""
