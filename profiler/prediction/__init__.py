"""Latency of what was not measured: a model fitted to what was, with an interval; it says what it does not know. No torch."""
