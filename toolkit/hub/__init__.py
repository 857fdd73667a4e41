"""The Hugging Face Hub: prepared shards and trained encoders pushed there, checked there, and read from there."""

from speechlip.remote.standin import run_at, shards_at

from .typed import as_dataset

__all__ = ["as_dataset", "run_at", "shards_at"]
