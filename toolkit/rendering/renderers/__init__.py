"""What turns the features of an encoder into canonical mouth crops, by name."""
