"""What a training step costs: forward and backward, and the memory that it holds."""
