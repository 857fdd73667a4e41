"""THEval's measures that need no weights of somebody's, by its code, one a file; ``scoring.theval`` compares
them with the real videos'."""
