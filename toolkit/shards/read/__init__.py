"""Reading shards: tars, members, clips, from this disk or another."""
