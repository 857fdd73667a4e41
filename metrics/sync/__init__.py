"""Lip sync: SyncNet's features of a clip, LSE-C, LSE-D and offset; accuracy of offsets."""
