"""Files: written whole, locked, named, stamped, listed, and shared without the folders of this machine."""
