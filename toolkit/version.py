"""The release, as manifests, checkpoints, cards and the package's metadata record it."""

VERSION = "0.1.0"
