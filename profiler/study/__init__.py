"""Networks → records, one job a file."""
