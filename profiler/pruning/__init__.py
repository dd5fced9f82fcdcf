"""What leaves a network with channels that hold one value, and why the others stay: by torch.fx, from the weights alone."""
