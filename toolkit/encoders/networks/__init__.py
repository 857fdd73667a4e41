"""The networks: a speech encoder against a lip encoder."""
