"""Phones of videos: a transcript aligned with the audio, or what other aligners wrote."""
