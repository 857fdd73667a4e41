"""Streams: opening a file, its packets, their time stamps and the line they lie on."""
