"""Pairs of speech and lips: the rules, the frozen pairs, the streams and loaders for training."""
