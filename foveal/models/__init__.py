"""The models: line and page, their checkpoints and their export. Needs the extra `train`."""
