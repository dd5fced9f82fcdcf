"""Answers in a terminal, by rich: tables, plots, progress."""
