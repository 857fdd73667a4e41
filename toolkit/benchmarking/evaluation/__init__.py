"""What is measured of a trained pair: similarities, offsets, scores with intervals, phones, cost."""
