"""Faces of single frames → tracks: shots, joined tracks, selection, and all of it as one stage."""
