"""Synthetic talking heads: how they speak, move their mouths, and look."""
