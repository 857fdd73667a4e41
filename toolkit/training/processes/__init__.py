"""The processes of a run and what they compute on: ranks, signals, GPU and memory."""
