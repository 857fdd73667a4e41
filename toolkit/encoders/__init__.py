"""Encoders: the lip network, the speech networks it is trained with, and both together as they come out of a
training run.
"""
