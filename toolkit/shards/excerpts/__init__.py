"""Excerpts of clips with their phones: batches of networks that learn from sequences, not from windows."""
