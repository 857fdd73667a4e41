"""Is this installation right? A synthetic clip scored, beside the numbers that are expected of it."""
