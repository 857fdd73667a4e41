"""Cards: what a dataset says about itself, made from its manifest and never typed."""

if __name__ != "speechlip.cards":
    raise ImportError(f"import speechlip.cards, not {__name__}: README's folder → import table says why")
