"""The lossy transcode of a published evaluation: which frame stands where, writing it, reading it."""
