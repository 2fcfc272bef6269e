"""What needs gradients or single heads: the line model's insides, in torch, on the shipped weights."""
