"""What is in a clip, as numbers: pure functions over arrays, one subject a file."""
