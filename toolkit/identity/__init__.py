"""Who is seen in which video, by face: the same person under two names, speakers told apart without names."""
