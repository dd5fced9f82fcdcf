"""The commands: options in, one call, one renderer out. cli.py is their table of contents."""
