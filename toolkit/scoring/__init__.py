"""Scoring: renders and references → lip-sync and image metrics by a named protocol; missing ones with a
reason.
"""
