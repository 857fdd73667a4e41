"""One benchmark for any speech encoder: how well its features find the lips that belong to them, by one
protocol (docs/benchmark.md).
"""
