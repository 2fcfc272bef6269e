"""Every attention mechanism. Needs the extra `train`."""
