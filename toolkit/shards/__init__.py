"""Shards: planned, prepared, written, indexed, read back, paired."""
