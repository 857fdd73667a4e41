"""How heads, eyes and brows move, from landmarks alone: one metric a file."""
