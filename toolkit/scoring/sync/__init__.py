"""Sync models, what an offset means, and the filter that keeps what is in sync."""
