"""One benchmark for any speech encoder: how well its features find the lips (docs/benchmark.md)."""
