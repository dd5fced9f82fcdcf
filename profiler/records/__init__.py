"""What everything speaks in: rows, profiles, records, results, and what each of them is made of. No torch."""
