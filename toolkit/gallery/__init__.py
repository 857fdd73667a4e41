"""Shards to look at: one page with filmstrip, sound and pairs of some clips, and a picture for a README."""
