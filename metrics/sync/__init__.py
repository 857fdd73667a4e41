"""Lip sync: SyncNet's features of a clip, LSE-C, LSE-D and offset from features, and how often offsets are right."""
