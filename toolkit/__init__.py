"""speechlip: shards of aligned speech and lips from raw talking videos, and scores for lip sync that two labs can compare."""

if __name__ != "speechlip":
    raise ImportError(f"import speechlip, not {__name__}: docs/architecture.md says why")

__version__ = "0.1.0"
