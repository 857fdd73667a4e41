"""Face landmarks by the two networks of MediaPipe's Face Landmarker, run by LiteRT."""
