"""Speech2Lip's implicit lip model: a network from points of the mouth and what is heard to colours."""
