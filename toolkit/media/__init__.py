"""Video files → 25 images and 16 000 samples a second, both placed by presentation time."""
