"""How lips move, from landmarks alone: one metric a file, each with its source."""
