"""Rendered lips: one person's mouth driven by the speech features of any encoder."""
