"""One clip, from its files to its rows."""
