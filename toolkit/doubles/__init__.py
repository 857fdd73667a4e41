"""Doubles: recordings that are there twice, cut, re-encoded, mirrored or re-timed."""
