"""Checking a prepared folder against its own manifest."""
