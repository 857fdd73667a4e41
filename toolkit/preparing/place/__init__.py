"""Shards put in place, and what an earlier run left compared with what is asked now."""
