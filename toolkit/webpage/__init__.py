"""Pages of one file that ask nothing of a network."""
