"""What a network is: a value, its registry, its nn.Module."""
