"""The commands, one file each: options → one library call.

Heavy imports stay inside them, so that ``--help`` is instant.
"""
