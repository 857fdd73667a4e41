"""Containers to pictures and samples: 25 pictures and 16 000 samples a second, both placed by presentation time."""
