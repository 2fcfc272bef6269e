"""Pages to text: find the lines, cut them out, transcribe them. NumPy and ONNX Runtime alone."""
