"""Records → text. No torch; the only place that rounds."""
