"""The encoder table for people: page, terminal, chart, phone map."""
