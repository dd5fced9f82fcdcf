"""Saved runs: the JSON document on disk, its shape, and the results that are read back from it."""
