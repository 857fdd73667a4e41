"""Speech features by name: pretrained models, stored files, controls, runs."""
