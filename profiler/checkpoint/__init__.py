"""Files of weights, read tensor by tensor and never executed: what is in them, and what can be said of it."""
