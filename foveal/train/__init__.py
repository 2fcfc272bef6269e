"""Training: data, losses, loops. Needs the extra `train`."""
