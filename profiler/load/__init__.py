"""What the user names → a network at a point."""
