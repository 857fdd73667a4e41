"""Cards: what shards, encoders and scores say about themselves, made from their own files and never typed.

Here are the templates of all three, what they share, and the card of shards; those of a run and of a
benchmark are made where runs and benchmarks are: ``training/run/card.py``, ``benchmarking/report/card.py``.
"""

if __name__ != "speechlip.cards":
    raise ImportError(f"import speechlip.cards, not {__name__}: docs/architecture.md says why")
