"""Between the frames of a person and one canonical mouth crop, there and back."""
