"""One file per dataset: licence, citation, access and splits first, then the sources."""

if __name__ != "speechlip.recipes":
    raise ImportError(f"import speechlip.recipes, not {__name__}: README's folder → import table says why")
