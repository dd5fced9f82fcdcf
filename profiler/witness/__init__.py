"""Other counters beside ours: fvcore, thop and torch."""
