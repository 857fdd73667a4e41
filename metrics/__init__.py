"""Lip-sync and image metrics as pure functions over arrays, each by a published formula (docs/protocols.md)."""

if __name__ != "speechlip.metrics":
    raise ImportError(f"import speechlip.metrics, not {__name__}: docs/architecture.md says why")
