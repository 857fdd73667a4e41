"""``pair_loader`` as cards on the Hub import it; new code takes ``speechlip.shards.pairs.loader``."""

from speechlip.shards.pairs.loader import pair_loader as pair_loader
