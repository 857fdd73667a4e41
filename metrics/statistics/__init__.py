"""Statistics over pairs and clips: AUC and error rates, retrieval, means, intervals, differences."""
