"""Records → sheets: headings and cells as text."""
