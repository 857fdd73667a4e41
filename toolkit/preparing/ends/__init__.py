"""Videos and shards that lie elsewhere, behind URLs, and where on this disk they are worked on."""
