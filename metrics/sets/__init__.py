"""Numbers of two sets of images, which no single clip has."""
