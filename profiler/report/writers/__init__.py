"""Answers → files, one file a form."""
