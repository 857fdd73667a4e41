"""Image metrics, one a file that is found by its name.

Goal: two images of one size (or one image) → one number; a clip's value is the mean over its frames.
Conventions: images are (H, W, 3) uint8 RGB, at the render's own size or cut to a region
(``metrics.regions``). The name of a file is the name of its metric: its function, its column of
``scores.csv``, its name for ``--metrics``. ``METRIC`` in it declares the rest; files whose name begins with
``_`` hold no metric.
"""
