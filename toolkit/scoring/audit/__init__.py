"""What containers do to time, and copies with an offset taken out."""
