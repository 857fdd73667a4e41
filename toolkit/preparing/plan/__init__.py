"""The plan: what each source is, which split it falls to, and which shard it goes into."""
