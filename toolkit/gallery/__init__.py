"""Shards to look at: one page with filmstrip, audio and pairs of some clips, and an image for a README."""
