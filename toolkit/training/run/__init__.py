"""What a run leaves in its folder: checkpoints, history, cosines, picture, card, scalars."""
