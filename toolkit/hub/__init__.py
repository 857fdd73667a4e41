"""The Hugging Face Hub: prepared shards and trained encoders pushed there, checked there, and read from
there.
"""

from speechlip.hub.typed import as_dataset
from speechlip.remote.mirror import run_at, shards_at

__all__ = ["as_dataset", "run_at", "shards_at"]
