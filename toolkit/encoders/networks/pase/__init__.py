"""PASE, the phoneme-aware speech encoder: audio path, lip path, phones that align both (docs/pase.md)."""
