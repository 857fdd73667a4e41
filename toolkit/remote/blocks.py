"""Bytes that come in blocks, read in pieces of any size."""


class BlockReader:
    """Reads what ``next_block`` gives, block after block; an empty one ends it."""

    _left = b""

    def next_block(self) -> bytes:
        raise NotImplementedError

    def read(self, size: int = -1) -> bytes:
        """``size`` bytes, fewer at the end; all that is left where it is negative."""
        parts, n_bytes = [self._left], len(self._left)
        while (size < 0 or n_bytes < size) and (block := self.next_block()):
            parts.append(block)
            n_bytes += len(block)
        data = b"".join(parts)
        self._left = data[size:] if size >= 0 else b""
        return data[:size] if size >= 0 else data
