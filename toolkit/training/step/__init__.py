"""What one step computes: changed windows, the loss of a pair, and losses that are not finite."""
