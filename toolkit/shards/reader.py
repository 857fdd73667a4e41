"""``ClipReader`` as earlier READMEs import it.

New code takes ``speechlip.shards.read.reader``.
"""

from speechlip.shards.read.reader import ClipReader as ClipReader
