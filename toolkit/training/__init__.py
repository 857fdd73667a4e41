"""The reference trainer: options, losses, one visible loop, checkpoints that resume weight for weight."""
