"""Many inputs: found, read one after another, written whole."""
