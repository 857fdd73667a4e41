"""Prepared folders and trained encoders that lie elsewhere: their names, streams that go on after a cut, copies on this disk."""
