"""Preparing: videos → plan → clips → shards, with a ledger row for every source."""
