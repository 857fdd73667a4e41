"""Faces compared by the 52 coefficients of MediaPipe's blendshape network: one metric a file."""
