"""Clips that somebody else cut, written as a prepared folder."""
