"""Images out of decoded frames: colours, geometry, conversion to RGB."""
