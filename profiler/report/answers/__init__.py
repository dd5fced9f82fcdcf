"""What a command found → its answer, one file a type of result."""
