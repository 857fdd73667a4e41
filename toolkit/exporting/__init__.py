"""Speech features of whole videos, in the files that talking-head renderers load (docs/export.md)."""
