"""How the tracer handles each operator and each stock layer."""
