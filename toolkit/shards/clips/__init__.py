"""The table of all clips of a prepared folder: made from its samples, asked, drawn."""
