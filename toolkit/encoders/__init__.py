"""Encoders: lip and speech networks, trained pairs, and speech features by name."""
