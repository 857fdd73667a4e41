"""The lossy transcode of a published evaluation, piece by piece: which frame stands where, its sound, reading it, or running a real ffmpeg."""
