"""Whether lips do what single phones cannot be said without: one condition a file."""
