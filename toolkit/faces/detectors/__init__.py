"""Face detectors: one file each, by name in the registry, opened per video."""
