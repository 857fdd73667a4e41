"""The part that is trained: an encoder's features on disk, the projection head, and its training."""
