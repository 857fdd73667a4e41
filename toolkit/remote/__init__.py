"""Prepared folders and trained encoders that lie elsewhere: names, streams that mend cuts, copies on this
disk.
"""
