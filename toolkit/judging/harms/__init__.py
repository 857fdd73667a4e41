"""Harms: what is done to the frames and the audio of a clip, in steps of known size."""
