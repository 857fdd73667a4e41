"""Statistics of natural images, and a regression that was fitted to them elsewhere, read from its files."""
