"""Scores for people: the page, the table on a terminal, published numbers beside them."""
