"""One unit of work: sources → clips → the samples of one shard."""
